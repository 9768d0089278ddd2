using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace MailFunctions.TestKit;

/// <summary>Keeps the lines that would be logged, at every level, as `id text`.</summary>
public sealed class TestLog<T> : ILogger<T>
{
    private readonly ConcurrentQueue<string> _lines = new();

    public IReadOnlyList<string> Lines => [.. _lines];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue($"{eventId.Id} {formatter(state, exception)} {exception}".TrimEnd());
}
