namespace MailFunctions.Local.Host;

/// <summary>A published function app: what its `host.json` and `function.json` files say.</summary>
internal sealed record FunctionApp
{
    /// <summary>Absolute path of the folder that holds `host.json`.</summary>
    public required string Root { get; init; }

    /// <summary>The handler's program, absolute, or a name to be found on PATH.</summary>
    public required string Executable { get; init; }
    public required string WorkingDirectory { get; init; }
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>An invocation that takes longer has failed, and the handler is started anew.</summary>
    public required TimeSpan FunctionTimeout { get; init; }

    /// <summary>In front of every HTTP route, without slashes.</summary>
    public required string RoutePrefix { get; init; }

    /// <summary>Messages of one queue that may be worked on at once.</summary>
    public required int MaxConcurrentCalls { get; init; }
    public required IReadOnlyList<FunctionDefinition> Functions { get; init; }
}

/// <summary>A folder with a `function.json`.</summary>
internal abstract record FunctionDefinition(string Name);

/// <summary>Who may call an HTTP function.</summary>
internal enum AuthLevel
{
    Anonymous,
    Function,
    Admin,
}

/// <summary>An `httpTrigger` with its one `http` output.</summary>
/// <param name="Route">Without the prefix, in ASP.NET's route syntax.</param>
/// <param name="Methods">Upper case; empty: all.</param>
internal sealed record HttpFunction(string Name, string Route, IReadOnlySet<string> Methods, AuthLevel Level) : FunctionDefinition(Name);

/// <summary>A `serviceBusTrigger` on a queue.</summary>
/// <param name="Connection">Name of the setting with the connection string.</param>
/// <param name="IsBinary">The body goes over as base64.</param>
internal sealed record QueueFunction(string Name, string Binding, string Queue, string Connection, bool IsBinary) : FunctionDefinition(Name);

/// <summary>A `timerTrigger`.</summary>
internal sealed record TimerFunction(string Name, string Binding, TimerSchedule Schedule, bool RunOnStartup) : FunctionDefinition(Name);

/// <summary>Something in the app's files is wrong; the message is a sentence that names the file.</summary>
internal sealed class FunctionAppException(string message) : Exception(message);
