using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using Amqp.Sasl;
using Amqp.Types;

namespace MailFunctions.Infra.Tests.Publish;

/// <summary>A bus over TLS at the port of Service Bus: takes tokens at `$cbs`, and messages into one queue.</summary>
internal sealed class TokenBus : IDisposable, IRequestProcessor, ILinkProcessor, IMessageProcessor
{
    private const string ClaimsBased = "MSSBCBS";
    private const ulong MaxMessageOctets = 262_144;
    private readonly ContainerHost _host;
    private readonly string _queue;

    private TokenBus(X509Certificate2 certificate, string queue)
    {
        _host = new ContainerHost([new Address("amqps://127.0.0.1:5671")], certificate);
        _host.Listeners[0].SASL.EnableMechanism(new Symbol(ClaimsBased), new Welcome());
        _queue = queue;
        _host.RegisterRequestProcessor("$cbs", this);
        _host.RegisterLinkProcessor(this);
        _host.Open();
    }

    /// <summary>Tokens that were put, with the type that the client gave them.</summary>
    public ConcurrentQueue<(string Type, string Token)> Tokens { get; } = new();

    public ConcurrentQueue<Message> Messages { get; } = new();

    int IRequestProcessor.Credit => 100;

    int IMessageProcessor.Credit => 100;

    public static TokenBus Open(X509Certificate2 certificate, string queue) => new(certificate, queue);

    public void Process(RequestContext requestContext)
    {
        Tokens.Enqueue(((string)requestContext.Message.ApplicationProperties["type"], (string)requestContext.Message.Body));
        var answer = new Message(true) { ApplicationProperties = new ApplicationProperties() };
        answer.ApplicationProperties["status-code"] = 202;
        requestContext.Complete(answer);
    }

    public void Process(AttachContext attachContext)
    {
        // The SDK's address is the path of the entity's URI.
        if ((attachContext.Attach.Target as Target)?.Address?.TrimStart('/') != _queue)
        {
            attachContext.Complete(new Error(ErrorCode.NotFound));
            return;
        }

        attachContext.Attach.MaxMessageSize = MaxMessageOctets; // by which the SDK sizes its batches
        attachContext.Complete(new TargetLinkEndpoint(this, attachContext.Link), 100);
    }

    public void Process(MessageContext messageContext)
    {
        Messages.Enqueue(messageContext.Message);
        messageContext.Complete();
    }

    public void Dispose() => _host.Close();

    private sealed class Welcome() : SaslProfile(new Symbol(ClaimsBased))
    {
        protected override ITransport UpgradeTransport(ITransport transport) => transport;

        protected override DescribedList? GetStartCommand(string hostname) => null;

        protected override DescribedList OnCommand(DescribedList command) => new SaslOutcome { Code = SaslCode.Ok, AdditionalData = [] };
    }
}
