namespace MailFunctions.Core.Storage;

/// <summary>One page of a list; null continuation: the last one.</summary>
public sealed record ListPage<T>(IReadOnlyList<T> Items, string? Continuation);
