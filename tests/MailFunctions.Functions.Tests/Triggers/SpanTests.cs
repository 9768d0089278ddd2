using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using Azure.Messaging.ServiceBus;
using MailFunctions.Azure.Telemetry;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Relay;
using MailFunctions.Core.Telemetry;
using MailFunctions.Functions.Tests.Api;
using MailFunctions.Functions.Tests.Outbound;
using MailFunctions.Functions.Triggers;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace MailFunctions.Functions.Tests.Triggers;

/// <summary>One trace from the bus message to the job and its attempts. A listener is the whole process's, so this runs alone.</summary>
[Collection(CountedAlone.Name)]
public sealed class SpanTests : IDisposable
{
    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";
    private const string Parent = $"00-{TraceId}-b7ad6b7169203331-01";

    private readonly ConcurrentQueue<Activity> _ended = new();
    private readonly ActivityListener _listener;

    public SpanTests()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = s => s.Name == MailSpans.SourceName,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _ended.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public void Dispose() => _listener.Dispose();

    /// <summary>The host's span where it goes on with the sender's trace; else the sender's, so that the way stays one trace.</summary>
    [Theory]
    [InlineData(null, "b7ad6b7169203331")]
    [InlineData("", "b7ad6b7169203331")]
    [InlineData("00-x", "b7ad6b7169203331")]
    [InlineData("00-11111111111111111111111111111111-2222222222222222-01", "b7ad6b7169203331")]
    [InlineData($"00-{TraceId}-3333333333333333-01", "3333333333333333")]
    public async Task Trigger_MessageWithATrace_GoesOnWithIt(string? hostTrace, string parent)
    {
        string? within = null;
        await Assert.ThrowsAsync<TriggerFailedException>(() => InvokeAsync(hostTrace, Parent, () =>
        {
            within = MailSpans.TraceParent;
            return new TriggerResult.Failed("because");
        }));

        var span = Assert.Single(_ended);
        Assert.Equal(
            (TraceId, parent, "Test", ActivityKind.Consumer),
            (span.TraceId.ToString(), span.ParentSpanId.ToString(), span.OperationName, span.Kind));
        Assert.Equal(ActivityStatusCode.Error, span.Status);
        Assert.Equal(span.Id, within);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(5)]
    [InlineData("00-x")]
    public async Task Trigger_MessageWithoutATraceThatCanBeRead_BeginsOne(object? id)
    {
        await InvokeAsync(null, id, () => new TriggerResult.Succeeded());

        Assert.Equal(default, Assert.Single(_ended).ParentSpanId);
    }

    private static Task InvokeAsync(string? hostTrace, object? id, Func<TriggerResult> run)
    {
        var properties = id is null ? [] : new Dictionary<string, object> { ["Diagnostic-Id"] = id };
        var message = ServiceBusModelFactory.ServiceBusReceivedMessage(BinaryData.FromString("{}"), properties: properties);
        return Task.Run(() =>
        {
            using var invocation = BusInvocation.Begin("Test", hostTrace, message);
            invocation.End(run());
        });
    }

    [Fact]
    public async Task Job_MadeWithinASpan_CarriesItToEveryAlarm()
    {
        var (jobs, bus) = (new MemoryJobs(), new MemoryBus());
        var envelope = new InboundEnvelope
        {
            Id = "01939f5a-0000-7000-8000-000000000009",
            ReceivedAt = DateTimeOffset.UnixEpoch,
            Listener = ListenerKind.Submission,
            Client = new ClientInfo("192.0.2.1", null, null, "a@example.test"),
            MailFrom = new ReversePath { Address = "a@example.test" },
            Recipients = [],
            Size = 1,
            Blob = "b",
        };
        var to = Core.Addresses.EmailAddress.Parse("b@far.test")!;
        using (MailSpans.Continue("test", ActivityKind.Consumer, Parent))
        {
            await new Functions.Outbound.OutboundQueue(jobs, bus, TimeProvider.System)
                .EnqueueAsync(
                    envelope, envelope.MailFrom, null, [(to, new OutboundRecipient { Address = to.ToString() })], CancellationToken.None);
        }

        var job = Assert.Single(jobs.Rows.Values);
        Assert.Equal(TraceId, ActivityContext.Parse(job.TraceParent!, null).TraceId.ToString());
        Assert.Equal(job.TraceParent, Assert.Single(bus.Outbound).TraceParent);
        Assert.Equal(job.TraceParent, OutboundAlarm.For(job with { Generation = 7 }, DateTimeOffset.UnixEpoch).TraceParent);
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")]
    [InlineData("APPLICATIONINSIGHTS_CONNECTION_STRING", "nonsense")]
    public void Registration_SettingThatCannotBe_IsNamed(string key, string value)
    {
        var fault = Assert.Throws<ValidationException>(() => Register(key, value));

        Assert.StartsWith(key + ": ", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Registration_WithoutASetting_AddsNothing()
    {
        Assert.Empty(Register("other", "x"));
        Assert.NotEmpty(Register("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"));
        Assert.NotEmpty(Register("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=00000000-0000-0000-0000-000000000001"));
    }

    private static ServiceCollection Register(string key, string value)
    {
        var services = new ServiceCollection();
        services.AddMailTelemetry(new ConfigurationBuilder().AddInMemoryCollection([new(key, value)]).Build(), "test");
        return services;
    }
}
