using Amqp;
using Amqp.Sasl;
using Amqp.Types;

namespace MailFunctions.Local.Bus.Wire;

/// <summary>
/// A SASL mechanism that lets everybody in; who may do what is decided by the tokens put to `$cbs`. After the outcome
/// it holds back the server's header and open until the client has spoken: when outcome and header come in one read,
/// rhea (the JavaScript AMQP stack) waits for ever.
/// </summary>
internal sealed class SaslGreeting(string mechanism) : SaslProfile(new Symbol(mechanism))
{
    /// <summary>What Service Bus offers to clients that authenticate by claims.</summary>
    public const string ClaimsBased = "MSSBCBS";
    public const string AnonymousMechanism = "ANONYMOUS";

    protected override ITransport UpgradeTransport(ITransport transport) => new PatientTransport((IAsyncTransport)transport);

    protected override DescribedList? GetStartCommand(string hostname) => null;

    protected override DescribedList OnCommand(DescribedList command) => new SaslOutcome { Code = SaslCode.Ok, AdditionalData = [] };

    /// <summary>Sends nothing before the first octet was received.</summary>
    private sealed class PatientTransport(IAsyncTransport inner) : IAsyncTransport
    {
        private readonly TaskCompletionSource _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void SetConnection(Connection connection) => inner.SetConnection(connection);

        public async Task SendAsync(IList<ByteBuffer> bufferList, int listSize)
        {
            await _heard.Task;
            await inner.SendAsync(bufferList, listSize);
        }

        public async Task<int> ReceiveAsync(byte[] buffer, int offset, int count)
        {
            try
            {
                return await inner.ReceiveAsync(buffer, offset, count);
            }
            finally
            {
                _heard.TrySetResult();
            }
        }

        public void Send(ByteBuffer buffer)
        {
            _heard.Task.GetAwaiter().GetResult();
            inner.Send(buffer);
        }

        public int Receive(byte[] buffer, int offset, int count)
        {
            var read = inner.Receive(buffer, offset, count);
            _heard.TrySetResult();
            return read;
        }

        public void Close()
        {
            _heard.TrySetResult();
            inner.Close();
        }
    }
}
