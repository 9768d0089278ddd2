using System.Collections.Concurrent;
using Amqp;
using Amqp.Framing;
using MailFunctions.Core.Bus;

namespace MailFunctions.Azure.ServiceBus;

/// <summary>Requests and answers with one node: `$cbs`, or `{entity}/$management`.</summary>
internal sealed class RequestClient
{
    private const int AnswerCredit = 100;

    private readonly ConcurrentDictionary<string, TaskCompletionSource<Message>> _waiting = new();
    private readonly string _node;
    private readonly string _answerAddress;
    private readonly SenderLink _requests;
    private readonly ReceiverLink _answers;

    private RequestClient(Session session, string node, LinkOpening requestOpening, LinkOpening answerOpening)
    {
        _node = node;
        _answerAddress = $"{node}-{Guid.NewGuid():N}";
        _requests = new SenderLink(
            session,
            _answerAddress + "-requests",
            new Attach { Target = new Target { Address = node }, Source = new Source { Address = _answerAddress } },
            requestOpening.OnAttached);
        _answers = new ReceiverLink(
            session,
            _answerAddress,
            new Attach { Source = new Source { Address = node }, Target = new Target { Address = _answerAddress } },
            answerOpening.OnAttached);
        _requests.AddClosedCallback((_, error) => FailAll(error));
        _answers.AddClosedCallback((_, error) => FailAll(error));
        _answers.Start(AnswerCredit, OnAnswer);
    }

    public bool IsOpen => !_requests.IsClosed && !_answers.IsClosed;

    public static async Task<RequestClient> OpenAsync(Session session, string node, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var (requests, answers) = (new LinkOpening(), new LinkOpening());
        var client = new RequestClient(session, node, requests, answers);
        await requests.WaitAsync(client._requests, node, timeout, cancellationToken).ConfigureAwait(false);
        await answers.WaitAsync(client._answers, node, timeout, cancellationToken).ConfigureAwait(false);
        return client;
    }

    /// <summary>Sends a request; gives its answer, whatever its status.</summary>
    /// <exception cref="BusUnavailableException">The link was lost, or there was no answer in time.</exception>
    public async Task<Message> AskAsync(Message request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var id = Guid.NewGuid().ToString("N");
        request.Properties = new Properties { MessageId = id, ReplyTo = _answerAddress };
        var answered = new TaskCompletionSource<Message>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting.TryAdd(id, answered);
        try
        {
            _requests.Send(request, (_, _, outcome, _) =>
            {
                if (outcome is not Accepted)
                {
                    answered.TrySetException(new BusUnavailableException(
                        $"The bus did not take a request to '{_node}': {(outcome as Rejected)?.Error?.Description ?? "the connection was lost"}."));
                }
            }, null);
            return await answered.Task.WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
        }
        catch (AmqpException e)
        {
            throw new BusUnavailableException($"The bus can't be asked at '{_node}': {e.Error.Description}", e);
        }
        catch (TimeoutException)
        {
            throw new BusUnavailableException($"The bus did not answer a request to '{_node}' within {timeout.TotalSeconds:0.#} s.");
        }
        finally
        {
            _waiting.TryRemove(id, out _);
        }
    }

    private void OnAnswer(IReceiverLink link, Message answer)
    {
        link.Accept(answer);
        if (answer.Properties?.GetCorrelationId()?.ToString() is { } id && _waiting.TryGetValue(id, out var waiting))
        {
            waiting.TrySetResult(answer);
        }
    }

    private void FailAll(Error? error)
    {
        foreach (var waiting in _waiting.Values)
        {
            waiting.TrySetException(new BusUnavailableException($"The bus closed '{_node}': {error?.Description ?? "the connection was lost"}."));
        }
    }
}
