using MailFunctions.Core.Addresses;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.OutboundJobs;

/// <summary>What waits to leave: seen, hurried, put aside or taken back by the postmaster. Each action writes the row and rings.</summary>
internal static class OutboundJobRoutes
{
    /// <summary>How many one call by filter takes: each is written and rung for.</summary>
    public const int MaxByFilter = 100;

    private static readonly string[] States = [JobState.Queued, JobState.Held, JobState.Telling, JobState.Done];

    public static void MapOutboundJobs(this IEndpointRouteBuilder routes)
    {
        var jobs = routes.MapGroup("/api/queues/outbound/jobs").WithTags("Queues");
        jobs.MapGet("/", ListAsync).Produces<ListAnswer<JobAnswer>>().ProducesValidationProblem()
            .WithSummary("Lists the outbound jobs that are not done, by ?domain= and ?state=");
        jobs.MapGet("/{id}", GetAsync).Produces<JobAnswer>().ProducesProblem(404).WithSummary("Shows an outbound job");
        foreach (var action in JobAction.All)
        {
            jobs.MapPost($"/{{id}}/{action.Name}", (string id, HttpRequest request, JobChanges changes, CancellationToken token) => OneAsync(id, action, request, changes, token))
                .Produces<JobAnswer>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409).WithSummary(action.Summary);
            jobs.MapPost("/" + action.Name, (HttpRequest request, IOutboundJobs store, JobChanges changes, CancellationToken token) => ByFilterAsync(action, request, store, changes, token))
                .Produces<JobsDone>().ProducesValidationProblem().WithSummary($"{action.Summary}: up to {MaxByFilter} jobs, by ?domain= and ?state=");
        }
    }

    private static async Task<IResult> ListAsync(HttpRequest request, IOutboundJobs store, TimeProvider time, CancellationToken cancellationToken)
    {
        if (ApiRequests.ReadPage(request, out var top, out var continuation) is { } fault)
        {
            return fault;
        }

        if (ReadFilter(request, out var domain, out var state) is { } malformed)
        {
            return malformed;
        }

        var page = await store.ListAsync(domain, state, top, continuation, cancellationToken);
        var now = time.GetUtcNow();
        return TypedResults.Ok(new ListAnswer<JobAnswer>([.. page.Items.Select(j => JobAnswer.From(j, now))], Continuations.Write(request, page.Continuation)));
    }

    private static async Task<IResult> GetAsync(string id, IOutboundJobs store, TimeProvider time, CancellationToken cancellationToken) =>
        await store.FindAsync(id, cancellationToken) is { } job ? TypedResults.Ok(JobAnswer.From(job, time.GetUtcNow())) : Missing(id);

    private static async Task<IResult> OneAsync(string id, JobAction action, HttpRequest request, JobChanges changes, CancellationToken cancellationToken)
    {
        if (ReadReport(request, action, out var report) is { } fault)
        {
            return fault;
        }

        var (changed, refusal) = await changes.ChangeAsync(id, action, report, cancellationToken);
        return changed is { } job ? TypedResults.Ok(job) : refusal is null ? Missing(id) : ApiProblems.Conflict(refusal);
    }

    private static async Task<IResult> ByFilterAsync(
        JobAction action, HttpRequest request, IOutboundJobs store, JobChanges changes, CancellationToken cancellationToken)
    {
        var faults = (IResult?[])
            [ReadReport(request, action, out var report), ReadFilter(request, out var domain, out var state), ApiRequests.ReadPage(request, out var top, out var continuation)];
        if (Array.Find(faults, f => f is not null) is { } fault)
        {
            return fault;
        }

        if (domain is null && state is null)
        {
            return ApiProblems.Invalid("domain", "Name the domain or the state of those that are meant.");
        }

        var page = await store.ListAsync(domain, state, Math.Min(top, MaxByFilter), continuation, cancellationToken);
        var done = 0;
        foreach (var job in page.Items)
        {
            var (changed, _) = await changes.ChangeAsync(job, action, report, cancellationToken);
            done += changed is null ? 0 : 1;
        }

        return TypedResults.Ok(new JobsDone(done, page.Items.Count - done, Continuations.Write(request, page.Continuation)));
    }

    private static IResult? ReadFilter(HttpRequest request, out string? domain, out string? state)
    {
        (domain, state) = (null, request.Query["state"] is [{ Length: > 0 } given, ..] ? given : null);
        if (request.Query["domain"] is [{ Length: > 0 } asked, ..] && !DomainName.TryNormalize(asked, out domain))
        {
            return ApiProblems.Invalid("domain", "This is not a domain name.");
        }

        return state is not null && !States.Contains(state) ? ApiProblems.Invalid("state", $"Use one of {string.Join(", ", States)}.") : null;
    }

    private static IResult? ReadReport(HttpRequest request, JobAction action, out bool report)
    {
        report = request.Query["report"] is ["true", ..];
        return action == JobAction.Cancel && !report && request.Query["report"] is [{ Length: > 0 }, ..] && request.Query["report"] is not ["false", ..]
            ? ApiProblems.Invalid("report", "Use true or false.")
            : null;
    }

    private static IResult Missing(string id) => ApiProblems.NotFound($"There is no outbound job '{id}'.");
}
