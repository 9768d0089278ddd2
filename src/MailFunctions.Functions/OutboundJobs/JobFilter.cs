using MailFunctions.Core.Relay;
using MailFunctions.Functions.Api;
using Microsoft.AspNetCore.Mvc;

namespace MailFunctions.Functions.OutboundJobs;

/// <summary>`?domain=&amp;state=`: which outbound jobs.</summary>
internal sealed record JobFilter
{
    [FromQuery(Name = "domain")]
    public QueryDomain? Domain { get; init; }

    [FromQuery(Name = "state")]
    public JobStateName? State { get; init; }

    public bool SelectsNothing => Domain?.Name is null && State?.Name is null;
}

/// <summary>A state of outbound jobs; null: not said, or none.</summary>
internal sealed record JobStateName(string? Name, bool IsWrong) : IQueryValue
{
    private static readonly string[] States = [JobState.Queued, JobState.Held, JobState.Reporting, JobState.Done];

    public static bool TryParse(string? text, out JobStateName state)
    {
        var name = JobState.Current(text);
        var isState = States.Contains(name);
        state = new JobStateName(isState ? name : null, !isState && !string.IsNullOrEmpty(text));
        return true;
    }

    public string? Fault(HttpRequest request) => IsWrong ? $"Use one of {string.Join(", ", States)}." : null;
}
