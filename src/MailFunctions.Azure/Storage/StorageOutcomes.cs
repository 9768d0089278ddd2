using System.Diagnostics;
using Azure.Core;
using Azure.Core.Pipeline;

namespace MailFunctions.Azure.Storage;

/// <summary>How one call of storage ended, after the SDK's own retries.</summary>
/// <param name="Service">`blobs` or `tables`.</param>
/// <param name="Fault">What was wrong with the service, without names or content; null: it answered.</param>
public readonly record struct StorageOutcome(string Service, bool IsWrite, string? Fault);

/// <summary>Reports every call of storage to one listener, so that a fault is counted whatever its caller makes of it.</summary>
public sealed class StorageOutcomes
{
    /// <summary>A call cancelled after so long counts as one without a response; before, as cancelled by its caller.</summary>
    private static readonly TimeSpan NoAnswer = TimeSpan.FromSeconds(4);

    private Action<StorageOutcome>? _listener;

    public void Listen(Action<StorageOutcome> listener) => _listener = listener;

    /// <summary>For a client's options, at <see cref="HttpPipelinePosition.PerCall"/>.</summary>
    internal HttpPipelinePolicy For(string service) => new Policy(this, service);

    private sealed class Policy(StorageOutcomes outcomes, string service) : HttpPipelinePolicy
    {
        public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            var started = Stopwatch.GetTimestamp();
            try
            {
                await ProcessNextAsync(message, pipeline);
            }
            catch (Exception e)
            {
                Failed(message, e, Stopwatch.GetElapsedTime(started));
                throw;
            }

            Answered(message);
        }

        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            var started = Stopwatch.GetTimestamp();
            try
            {
                ProcessNext(message, pipeline);
            }
            catch (Exception e)
            {
                Failed(message, e, Stopwatch.GetElapsedTime(started));
                throw;
            }

            Answered(message);
        }

        // A caller's error (404, 409, 412) is a response; a missing role, throttling and 5xx are faults of the service.
        private void Answered(HttpMessage message)
        {
            var (status, headers) = (message.Response.Status, message.Response.Headers);
            var code = headers.TryGetValue("x-ms-error-code", out var given) ? " " + given : "";
            Report(message, status is 401 or 403 or 429 or >= 500 ? $"it answered {status}{code}" : null);
        }

        private void Failed(HttpMessage message, Exception e, TimeSpan after)
        {
            if (!message.CancellationToken.IsCancellationRequested || after > NoAnswer)
            {
                Report(message, e is OperationCanceledException ? $"no answer within {after.TotalSeconds:0} s" : Innermost(e));
            }
        }

        private static string Innermost(Exception e) =>
            (e is AggregateException many ? many.InnerExceptions[^1] : e).GetBaseException().Message;

        private void Report(HttpMessage message, string? fault) => outcomes._listener?.Invoke(new StorageOutcome(
            service, message.Request.Method != RequestMethod.Get && message.Request.Method != RequestMethod.Head, fault));
    }
}
