using Amqp;
using Amqp.Framing;
using Amqp.Listener;
using MailFunctions.Local.Bus.Store;

namespace MailFunctions.Local.Bus.Wire;

/// <summary>The node `$cbs`: takes tokens (claims-based security).</summary>
internal sealed class ClaimsNode(LocalBus bus)
{
    public const string Address = "$cbs";

    public Task<Message> AnswerAsync(ListenerLink link, Message request)
    {
        var operation = request.ApplicationProperties?["operation"] as string;
        if (operation != "put-token")
        {
            return Task.FromResult(Answer(400, $"'{operation}' is not an operation of $cbs; use put-token."));
        }

        var claim = bus.Key.Check(request.Body as string, bus.Time.GetUtcNow());
        if (claim is null)
        {
            return Task.FromResult(Answer(401, "InvalidSignature: The token has an invalid signature."));
        }

        ClientState.Of(link).Add(claim);
        return Task.FromResult(Answer(202, "Accepted"));
    }

    private static Message Answer(int status, string description)
    {
        var answer = new Message(true) { ApplicationProperties = new ApplicationProperties() };
        answer.ApplicationProperties["status-code"] = status;
        answer.ApplicationProperties["status-description"] = description;
        return answer;
    }
}
