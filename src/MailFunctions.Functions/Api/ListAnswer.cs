using System.Text.Json.Serialization;

namespace MailFunctions.Functions.Api;

/// <summary>One page of a list; no continuation: the last one.</summary>
internal sealed record ListAnswer<T>(
    IReadOnlyList<T> Items, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Continuation);
