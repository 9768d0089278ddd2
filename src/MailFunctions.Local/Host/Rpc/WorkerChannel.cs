using System.Collections.Concurrent;
using System.Threading.Channels;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using MailFunctions.Local.Host.App;
using Case = MailFunctions.Local.Host.Rpc.StreamingMessage.ContentOneofCase;

namespace MailFunctions.Local.Host.Rpc;

/// <summary>
/// The event stream of one worker: requests go out, answers are matched to them, log records go to the host's log. What
/// is not awaited is ignored, as the empty messages are that workers send after a cancel.
/// </summary>
internal sealed partial class WorkerChannel(string workerId, ILogger logger)
{
    private readonly Channel<StreamingMessage> _outgoing =
        Channel.CreateUnbounded<StreamingMessage>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ConcurrentDictionary<(Case Kind, string Id), TaskCompletionSource<StreamingMessage>> _awaited = new();
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _ended;

    public string WorkerId => workerId;

    /// <summary>Init, metadata, one load a function: after this it takes invocations.</summary>
    /// <exception cref="FunctionAppException">The worker refuses, or says something that this host does not know.</exception>
    /// <exception cref="IOException">Its stream ended.</exception>
    public async Task<LoadedApp> LoadAsync(FunctionApp app, CancellationToken cancellationToken)
    {
        await _connected.Task.WaitAsync(cancellationToken);
        var init = new StreamingMessage
        {
            WorkerInitRequest = new WorkerInitRequest
            {
                HostVersion = FunctionApp.HostVersion,
                Capabilities = { ["MultiStream"] = "10" },
                WorkerDirectory = app.Root,
                FunctionAppDirectory = app.Root,
            },
        };
        var ready = (await AskAsync(init, Case.WorkerInitResponse, "", cancellationToken)).WorkerInitResponse;
        Check(ready.Result, "The worker can't start");
        var described = (await AskAsync(
            new StreamingMessage { FunctionsMetadataRequest = new FunctionsMetadataRequest { FunctionAppDirectory = app.Root } },
            Case.FunctionMetadataResponse, "", cancellationToken)).FunctionMetadataResponse;
        Check(described.Result, "The worker can't name its functions");
        var functions = described.FunctionMetadataResults.ToDictionary(f => f.Name, StringComparer.OrdinalIgnoreCase);
        await Task.WhenAll(functions.Values.Select(f => LoadAsync(f, cancellationToken)));
        return new LoadedApp(
            ready.Capabilities.TryGetValue("HttpUri", out var address) ? new Uri(address) : null,
            functions);
    }

    private async Task LoadAsync(RpcFunctionMetadata function, CancellationToken cancellationToken)
    {
        var request = new StreamingMessage
        {
            FunctionLoadRequest = new FunctionLoadRequest { FunctionId = function.FunctionId, Metadata = function },
        };
        var loaded = await AskAsync(request, Case.FunctionLoadResponse, function.FunctionId, cancellationToken);
        Check(loaded.FunctionLoadResponse.Result, $"The function '{function.Name}' can't be loaded");
    }

    private static void Check(StatusResult? result, string what)
    {
        if (result?.Status != StatusResult.Types.Status.Success)
        {
            throw new FunctionAppException($"{what}: {result?.Exception?.Message ?? "it does not say why."}");
        }
    }

    /// <summary>Sends an invocation and waits for what it came to.</summary>
    /// <exception cref="IOException">The worker's stream ended first.</exception>
    public async Task<StatusResult> InvokeAsync(InvocationRequest request, CancellationToken cancellationToken) =>
        (await AskAsync(
            new StreamingMessage { InvocationRequest = request }, Case.InvocationResponse, request.InvocationId, cancellationToken))
            .InvocationResponse.Result ?? new StatusResult();

    /// <summary>Asks a function to end; its answer comes all the same.</summary>
    public void Cancel(string invocationId) =>
        Send(new StreamingMessage { InvocationCancel = new InvocationCancel { InvocationId = invocationId } });

    /// <summary>Asks the worker to end within a time.</summary>
    public void Terminate(TimeSpan grace) =>
        Send(new StreamingMessage { WorkerTerminate = new WorkerTerminate { GracePeriod = Duration.FromTimeSpan(grace) } });

    private void Send(StreamingMessage message) => _outgoing.Writer.TryWrite(message); // after the end there is no one to send to

    private async Task<StreamingMessage> AskAsync(StreamingMessage request, Case kind, string id, CancellationToken cancellationToken)
    {
        var answer = new TaskCompletionSource<StreamingMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        _awaited[(kind, id)] = answer;
        try
        {
            Send(request);
            if (Volatile.Read(ref _ended))
            {
                throw new IOException("The worker's stream has ended.");
            }

            return await answer.Task.WaitAsync(cancellationToken);
        }
        finally
        {
            _awaited.TryRemove((kind, id), out _);
        }
    }

    /// <summary>Serves the worker's stream until it ends.</summary>
    public async Task ServeAsync(
        IAsyncStreamReader<StreamingMessage> incoming, IServerStreamWriter<StreamingMessage> outgoing, CancellationToken ended)
    {
        _connected.TrySetResult();
        var writing = WriteAsync(outgoing, ended);
        try
        {
            while (await incoming.MoveNext(ended))
            {
                Receive(incoming.Current);
            }
        }
        catch (Exception e) when (e is IOException or Grpc.Core.RpcException or OperationCanceledException)
        {
            // The worker is gone.
        }

        Volatile.Write(ref _ended, true);
        _outgoing.Writer.TryComplete();
        foreach (var waiting in _awaited.Values)
        {
            waiting.TrySetException(new IOException("The worker's stream ended."));
        }

        await writing;
    }

    private async Task WriteAsync(IServerStreamWriter<StreamingMessage> outgoing, CancellationToken ended)
    {
        try
        {
            await foreach (var message in _outgoing.Reader.ReadAllAsync(ended))
            {
                await outgoing.WriteAsync(message, ended);
            }
        }
        catch (Exception e) when (e is IOException or Grpc.Core.RpcException or InvalidOperationException or OperationCanceledException)
        {
            // The reader of the other direction finds the same end.
        }
    }

    private void Receive(StreamingMessage message)
    {
        if (message.ContentCase == Case.RpcLog)
        {
            Report(message.RpcLog);
            return;
        }

        var id = message.ContentCase switch
        {
            Case.InvocationResponse => message.InvocationResponse.InvocationId,
            Case.FunctionLoadResponse => message.FunctionLoadResponse.FunctionId,
            _ => "",
        };
        if (_awaited.TryGetValue((message.ContentCase, id), out var waiting))
        {
            waiting.TrySetResult(message);
        }
    }

    private void Report(RpcLog log)
    {
        var level = (LogLevel)log.Level; // the contract's numbers are those of .NET
        if (log.LogCategory == RpcLog.Types.RpcLogCategory.User || level >= LogLevel.Warning)
        {
            var exception = log.Exception is { } e ? $"\n{e.Message}\n{e.StackTrace}".TrimEnd() : "";
            Log.Worker(logger, level, log.Category, log.EventId, log.Message + exception);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 2211, Message = "{Category} {Event}: {Text}", EventName = "FunctionLog")]
        public static partial void Worker(ILogger logger, LogLevel level, string category, string @event, string text);
    }
}

/// <summary>A worker that has loaded its functions.</summary>
/// <param name="HttpAddress">Where it takes the HTTP half of invocations; null: it has none.</param>
internal sealed record LoadedApp(Uri? HttpAddress, IReadOnlyDictionary<string, RpcFunctionMetadata> Functions);
