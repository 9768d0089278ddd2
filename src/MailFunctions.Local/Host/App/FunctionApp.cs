namespace MailFunctions.Local.Host.App;

/// <summary>A published function app: what its `host.json` and `worker.config.json` say.</summary>
internal sealed record FunctionApp
{
    /// <summary>The version of the real host whose behaviour this one shows.</summary>
    public const string HostVersion = "4.1037.0.0";

    /// <summary>Absolute path of the folder that holds `host.json`.</summary>
    public required string Root { get; init; }

    /// <summary>The worker's program, absolute.</summary>
    public required string Executable { get; init; }

    /// <summary>In front of what the host adds: the app's assembly, where the program is `dotnet`.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>An invocation that takes longer has failed, and the worker is started anew.</summary>
    public required TimeSpan FunctionTimeout { get; init; }

    /// <summary>In front of every HTTP route, without slashes.</summary>
    public required string RoutePrefix { get; init; }

    /// <summary>Messages of one queue that may be worked on at once.</summary>
    public required int MaxConcurrentCalls { get; init; }

    /// <summary>For so long the lock of a message is renewed while its function works.</summary>
    public required TimeSpan MaxLockRenewal { get; init; }
}

/// <summary>A function that the worker has.</summary>
/// <param name="Binding">The trigger's parameter.</param>
internal abstract record FunctionDefinition(string Name, string Binding);

/// <summary>Who may call an HTTP function.</summary>
internal enum AuthLevel
{
    Anonymous,
    Function,
    Admin,
}

/// <summary>An `httpTrigger`.</summary>
/// <param name="Route">Without the prefix, in ASP.NET's route syntax.</param>
/// <param name="Methods">Upper case; empty: all.</param>
internal sealed record HttpFunction(string Name, string Binding, string Route, IReadOnlySet<string> Methods, AuthLevel Level)
    : FunctionDefinition(Name, Binding);

/// <summary>A `serviceBusTrigger` on a queue.</summary>
/// <param name="Connection">Name of the setting with the connection string.</param>
internal sealed record QueueFunction(string Name, string Binding, string Queue, string Connection) : FunctionDefinition(Name, Binding);

/// <summary>A `timerTrigger`.</summary>
internal sealed record TimerFunction(string Name, string Binding, TimerSchedule Schedule, bool RunOnStartup)
    : FunctionDefinition(Name, Binding);

/// <summary>Something in the app is wrong; the message is a sentence that names the file or the function.</summary>
internal sealed class FunctionAppException(string message) : Exception(message);
