using MailFunctions.Core.Relay;
using MailFunctions.Functions.Api;

namespace MailFunctions.Functions.OutboundJobs;

/// <summary>Outbound jobs: list, retry, hold, release, cancel. Each action writes the row and schedules its alarm.</summary>
internal static class OutboundJobRoutes
{
    public static void MapOutboundJobs(this IEndpointRouteBuilder routes)
    {
        var jobs = routes.MapGroup("/api/queues/outbound/jobs").WithTags("Queues");
        jobs.MapGet("/", ListAsync).Produces<ListAnswer<JobAnswer>>().ProducesValidationProblem()
            .WithSummary("Lists the outbound jobs that are not done, by ?domain= and ?state=");
        jobs.MapGet("/{id}", GetAsync).Produces<JobAnswer>().ProducesProblem(404).WithSummary("Shows an outbound job");
        foreach (var action in (JobAction[])[JobAction.Retry, JobAction.Hold, JobAction.Release])
        {
            Describe(
                action,
                jobs.MapPost(OneOf(action), (string id, JobChanges changes, CancellationToken token) =>
                    OneAsync(id, action, report: false, changes, token)),
                jobs.MapPost(
                    AllOf(action),
                    ([AsParameters] JobFilter filter, [AsParameters] PageQuery page, JobChanges changes, CancellationToken token) =>
                        AllAsync(filter, page, action, report: false, changes, token)));
        }

        Describe(
            JobAction.Cancel,
            jobs.MapPost(OneOf(JobAction.Cancel), (string id, QueryFlag? report, JobChanges changes, CancellationToken token) =>
                OneAsync(id, JobAction.Cancel, report is { Value: true }, changes, token)),
            jobs.MapPost(
                AllOf(JobAction.Cancel),
                (
                    [AsParameters] JobFilter filter, [AsParameters] PageQuery page, QueryFlag? report, JobChanges changes,
                    CancellationToken token) =>
                    AllAsync(filter, page, JobAction.Cancel, report is { Value: true }, changes, token)));
    }

    private static string OneOf(JobAction action) => $"/{{id}}/{action.Name}";

    private static string AllOf(JobAction action) => "/" + action.Name;

    private static void Describe(JobAction action, RouteHandlerBuilder one, RouteHandlerBuilder all)
    {
        one.Produces<JobAnswer>().ProducesValidationProblem().ProducesProblem(404).ProducesProblem(409).WithSummary(action.Summary);
        all.Produces<JobsDone>().ProducesValidationProblem()
            .WithSummary($"{action.Summary}: up to {JobChanges.MaxByFilter} jobs, by ?domain= and ?state=");
    }

    private static async Task<IResult> ListAsync(
        [AsParameters] JobFilter filter, [AsParameters] PageQuery query, IOutboundJobs store, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var page = await store.ListAsync(filter.Domain?.Name, filter.State?.Name, query.Top, query.Position, cancellationToken);
        var now = time.GetUtcNow();
        return TypedResults.Ok(query.Answer<JobAnswer>([.. page.Items.Select(j => JobAnswer.From(j, now))], page.Continuation));
    }

    private static async Task<IResult> GetAsync(string id, IOutboundJobs store, TimeProvider time, CancellationToken cancellationToken) =>
        await store.FindAsync(id, cancellationToken) is { } job ? TypedResults.Ok(JobAnswer.From(job, time.GetUtcNow())) : Missing(id);

    private static async Task<IResult> OneAsync(
        string id, JobAction action, bool report, JobChanges changes, CancellationToken cancellationToken)
    {
        var (changed, refusal) = await changes.ChangeAsync(id, action, report, cancellationToken);
        return changed is { } job ? TypedResults.Ok(job) : refusal is null ? Missing(id) : ApiProblems.Conflict(refusal);
    }

    private static async Task<IResult> AllAsync(
        JobFilter filter, PageQuery page, JobAction action, bool report, JobChanges changes, CancellationToken cancellationToken) =>
        filter.SelectsNothing
            ? ApiProblems.Invalid("domain", "Name the domain or the state of those that are meant.")
            : TypedResults.Ok(await changes.ChangeAllAsync(filter, page, action, report, cancellationToken));

    private static IResult Missing(string id) => ApiProblems.NotFound($"There is no outbound job '{id}'.");
}
