using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace MailFunctions.Local.Host;

/// <summary>What the host keeps over a restart: when timers ran. Without a file it forgets.</summary>
internal sealed class HostState
{
    private readonly string? _path;
    private readonly Lock _lock = new();
    private readonly Content _content;

    private HostState(string? path, Content content) => (_path, _content) = (path, content);

    public static HostState Read(string? path)
    {
        try
        {
            return new HostState(path, path is not null && File.Exists(path)
                ? JsonSerializer.Deserialize(File.ReadAllBytes(path), HostStateJson.Default.Content) ?? new Content()
                : new Content());
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            return new HostState(path, new Content()); // it holds nothing that can't be found out again
        }
    }

    public TimerRun? LastRun(string timer) => _content.Timers.TryGetValue(timer, out var run) ? run : null;

    public void Ran(string timer, TimerRun run) => Change(c => c.Timers[timer] = run);

    private void Change(Action<Content> change)
    {
        lock (_lock)
        {
            change(_content);
            if (_path is null)
            {
                return;
            }

            var temporary = _path + ".new";
            File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(_content, HostStateJson.Default.Content));
            File.Move(temporary, _path, overwrite: true);
        }
    }

    internal sealed class Content
    {
        public ConcurrentDictionary<string, TimerRun> Timers { get; init; } = new();
    }
}

/// <summary>A timer's `ScheduleStatus`.</summary>
internal sealed record TimerRun(DateTimeOffset Last, DateTimeOffset Next, DateTimeOffset LastUpdated);

[JsonSerializable(typeof(HostState.Content))]
internal sealed partial class HostStateJson : JsonSerializerContext;
