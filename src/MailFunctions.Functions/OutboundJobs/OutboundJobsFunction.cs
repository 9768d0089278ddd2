using MailFunctions.Core.Addresses;
using MailFunctions.Core.Bus;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Hosting;

namespace MailFunctions.Functions.OutboundJobs;

/// <summary>What waits to leave: seen, hurried, put aside or taken back by the postmaster. Each action writes the row and rings.</summary>
internal static class OutboundJobsFunction
{
    private static readonly string[] States = [JobState.Queued, JobState.Held, JobState.Telling, JobState.Done];

    public static void MapOutboundJobs(this IEndpointRouteBuilder routes)
    {
        var jobs = routes.MapGroup("/api/queues/outbound/jobs").WithTags("Queues");
        jobs.MapGet("/", ListAsync).Produces<ListAnswer<JobAnswer>>().ProducesValidationProblem()
            .WithSummary("Lists the outbound jobs that are not done, by ?domain= and ?state=");
        jobs.MapGet("/{id}", GetAsync).Produces<JobAnswer>().ProducesProblem(404).WithSummary("Shows an outbound job");
        jobs.MapPost("/{id}/retry", (string id, IOutboundJobs store, IBusSender bus, TimeProvider time, CancellationToken token) =>
                ChangeAsync(id, store, bus, time, RetryNow, mayBeUnderWay: false, token))
            .Produces<JobAnswer>().ProducesProblem(404).ProducesProblem(409).WithSummary("Tries a job now, on hold or not");
        jobs.MapPost("/{id}/hold", (string id, IOutboundJobs store, IBusSender bus, TimeProvider time, CancellationToken token) =>
                ChangeAsync(id, store, bus, time, (job, _) => job with { State = JobState.Held }, mayBeUnderWay: true, token))
            .Produces<JobAnswer>().ProducesProblem(404).ProducesProblem(409).WithSummary("Puts a job aside until it is released");
        jobs.MapPost("/{id}/release", (string id, IOutboundJobs store, IBusSender bus, TimeProvider time, CancellationToken token) =>
                ChangeAsync(id, store, bus, time, RetryNow, mayBeUnderWay: true, token))
            .Produces<JobAnswer>().ProducesProblem(404).ProducesProblem(409).WithSummary("Lets a job that was put aside go on");
        jobs.MapPost("/{id}/cancel", CancelAsync)
            .Produces<JobAnswer>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409)
            .WithSummary("Takes a job back; with ?report=true the sender gets a failure report");
    }

    private static async Task<IResult> ListAsync(HttpRequest request, IOutboundJobs store, TimeProvider time, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadPage(request, out var top, out var continuation) is { } fault)
        {
            return fault;
        }

        string? domain = null;
        if (request.Query["domain"] is [{ Length: > 0 } asked, ..] && !DomainName.TryNormalize(asked, out domain))
        {
            return ApiProblems.Invalid("domain", "This is not a domain name.");
        }

        var state = request.Query["state"] is [{ Length: > 0 } given, ..] ? given : null;
        if (state is not null && !States.Contains(state))
        {
            return ApiProblems.Invalid("state", $"Use one of {string.Join(", ", States)}.");
        }

        var page = await store.ListAsync(domain, state, top, continuation, cancellationToken);
        var now = time.GetUtcNow();
        return TypedResults.Ok(new ListAnswer<JobAnswer>([.. page.Items.Select(j => JobAnswer.From(j, now))], page.Continuation));
    }

    private static async Task<IResult> GetAsync(string id, IOutboundJobs store, TimeProvider time, CancellationToken cancellationToken) =>
        await store.FindAsync(id, cancellationToken) is { } job ? TypedResults.Ok(JobAnswer.From(job, time.GetUtcNow())) : Missing(id);

    private static Task<IResult> CancelAsync(
        string id, HttpRequest request, IOutboundJobs store, IBusSender bus, TimeProvider time, CancellationToken cancellationToken)
    {
        var report = request.Query["report"] is ["true", ..];
        if (!report && request.Query["report"] is [{ Length: > 0 }, ..] && request.Query["report"] is not ["false", ..])
        {
            return Task.FromResult(ApiProblems.Invalid("report", "Use true or false."));
        }

        return ChangeAsync(id, store, bus, time, (job, now) => Cancelled(job, report, now), mayBeUnderWay: false, cancellationToken);
    }

    private static OutboundJob RetryNow(OutboundJob job, DateTimeOffset now) => job with { State = JobState.Queued, NextAttempt = now };

    /// <summary>The results are told by the function that the alarm calls, as those of an attempt are.</summary>
    private static OutboundJob Cancelled(OutboundJob job, bool report, DateTimeOffset now) => job with
    {
        State = JobState.Telling,
        Recipients = [],
        Results =
        [
            .. job.Results.Where(r => r.Kind != ResultKind.Deferred),
            .. job.Recipients.Select(r => new RecipientResult(
                r, report ? ResultKind.Failed : ResultKind.Dropped, "5.7.1", "taken back by the postmaster", null, now)),
        ],
        NextAttempt = now,
        ChangedAt = now,
    };

    private static async Task<IResult> ChangeAsync(
        string id,
        IOutboundJobs store,
        IBusSender bus,
        TimeProvider time,
        Func<OutboundJob, DateTimeOffset, OutboundJob> change,
        bool mayBeUnderWay,
        CancellationToken cancellationToken)
    {
        if (await store.FindAsync(id, cancellationToken) is not { } job)
        {
            return Missing(id);
        }

        var now = time.GetUtcNow();
        if (job.State is JobState.Done or JobState.Telling)
        {
            return ApiProblems.Conflict($"The job '{id}' is done.");
        }

        if (!mayBeUnderWay && job.LeasedUntil > now)
        {
            return ApiProblems.Conflict($"An attempt of the job '{id}' is under way: try again when it is over.");
        }

        if (await store.PutAsync(change(job, now) with { Generation = job.Generation + 1 }, cancellationToken) is not { } changed)
        {
            return ApiProblems.Conflict($"The job '{id}' was changed meanwhile: look at it again.");
        }

        if (changed.State != JobState.Held)
        {
            await bus.SendAsync(QueueNames.Outbound, OutboundAlarm.For(changed, now), cancellationToken);
        }

        return TypedResults.Ok(JobAnswer.From(changed, now));
    }

    private static IResult Missing(string id) => ApiProblems.NotFound($"There is no outbound job '{id}'.");
}
