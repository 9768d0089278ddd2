using System.Collections.Concurrent;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;

namespace MailFunctions.Azure.Tests.Storage;

/// <summary>Sees every request that goes out, retries too, and can keep some from arriving or their answers from coming back.</summary>
internal sealed class RequestWatch : HttpPipelinePolicy
{
    private readonly ConcurrentQueue<SeenRequest> _seen = new();
    private readonly Lock _lock = new();
    private Fault? _refused;
    private Fault? _lost;
    private Fault? _cut;
    private (Fault When, Func<Task> Act)? _before;
    private (Fault When, Func<Response> Answer)? _instead;

    public IReadOnlyList<SeenRequest> Seen => [.. _seen];

    public int Count(Func<SeenRequest, bool> of) => _seen.Count(of);

    /// <summary>The next requests of a kind never reach the storage.</summary>
    public void Refuse(Func<SeenRequest, bool> of, int times = int.MaxValue) => _refused = new Fault(of, times);

    /// <summary>The next requests of a kind are done, and their answers lost.</summary>
    public void LoseAnswers(Func<SeenRequest, bool> of, int times = 1) => _lost = new Fault(of, times);

    /// <summary>The connection breaks behind the first octets of the answers to requests of a kind.</summary>
    public void CutBodies(Func<SeenRequest, bool> of, int times = int.MaxValue) => _cut = new Fault(of, times);

    /// <summary>Something happens in between: once, before the next request of a kind goes out.</summary>
    public void Before(Func<SeenRequest, bool> of, Func<Task> act) => _before = (new Fault(of, 1), act);

    /// <summary>The next requests of a kind get an answer that the storage does not give.</summary>
    public void Answer(Func<SeenRequest, bool> of, Func<Response> answer, int times) => _instead = (new Fault(of, times), answer);

    public void Heal() => (_refused, _lost, _cut) = (null, null, null);

    public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
    {
        var request = new SeenRequest(message.Request.Method.Method, message.Request.Uri.ToUri());
        _seen.Enqueue(request);
        if (_before is var (when, act) && Hits(when, request))
        {
            await act();
        }

        if (Hits(_refused, request))
        {
            throw new IOException("The request did not arrive.");
        }

        if (_instead is var (asked, answer) && Hits(asked, request))
        {
            message.Response = answer();
            return;
        }

        await ProcessNextAsync(message, pipeline);
        if (Hits(_lost, request))
        {
            throw new IOException("The answer was lost.");
        }

        if (message.Response.ContentStream is { } body && Hits(_cut, request))
        {
            message.Response.ContentStream = new CutStream(body);
        }
    }

    public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) =>
        throw new NotSupportedException("The adapters never block.");

    private bool Hits(Fault? fault, SeenRequest request)
    {
        lock (_lock)
        {
            return fault is { Left: > 0 } && fault.Of(request) && fault.Left-- > 0;
        }
    }

    private sealed class Fault(Func<SeenRequest, bool> of, int times)
    {
        public Func<SeenRequest, bool> Of => of;

        public int Left { get; set; } = times;
    }
}

internal sealed record SeenRequest(string Method, Uri Uri)
{
    public bool IsBlock => Method == "PUT" && Uri.Query.Contains("comp=block&", StringComparison.Ordinal);

    public bool IsBlockList => Method == "PUT" && Uri.Query.Contains("comp=blocklist", StringComparison.Ordinal);

    /// <summary>Of rows, by a filter.</summary>
    public bool IsQuery => Method == "GET" && Uri.Query.Contains("$filter=", StringComparison.Ordinal);

    public bool IsTransaction => Method == "POST" && Uri.AbsolutePath.EndsWith("/$batch", StringComparison.Ordinal);
}
