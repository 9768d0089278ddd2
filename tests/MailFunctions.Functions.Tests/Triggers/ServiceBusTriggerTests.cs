using System.Reflection;
using System.Text;
using Azure.Core.Amqp;
using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Converters;
using Microsoft.Azure.Functions.Worker.Core;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;
using Xunit;

namespace MailFunctions.Functions.Tests.Triggers;

/// <summary>
/// Our file in place of Microsoft.Azure.Functions.Worker.Extensions.ServiceBus: the official shape, so that the day the
/// package can be had the file is deleted and nothing else changes; and the official reading of deferred data.
/// </summary>
public sealed class ServiceBusTriggerTests
{
    /// <summary>What the package's class of this name has, for queues and topics.</summary>
    private static readonly string[] OfficialProperties =
        [
            "QueueName", "TopicName", "SubscriptionName", "Connection", "IsSessionsEnabled", "AutoCompleteMessages", "IsBatched",
            "Cardinality"];

    [Fact]
    public void Attribute_IsTheOfficialOne_AsFarAsItGoes()
    {
        var type = typeof(ServiceBusTriggerAttribute);

        Assert.Equal("Microsoft.Azure.Functions.Worker.ServiceBusTriggerAttribute", type.FullName);
        Assert.Equal((typeof(TriggerBindingAttribute), true, true), (type.BaseType, type.IsPublic, type.IsSealed));
        var parameter = Assert.Single(Assert.Single(type.GetConstructors()).GetParameters());
        Assert.Equal((typeof(string), "queueName"), (parameter.ParameterType, parameter.Name));
        Assert.Empty(type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Select(p => p.Name).Except(OfficialProperties));
        Assert.DoesNotContain(
            type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly), m => !m.IsSpecialName);
        Assert.True(type.GetProperty("QueueName") is { CanWrite: false } queue && queue.PropertyType == typeof(string));
        Assert.True(type.GetProperty("Connection") is { CanWrite: true } connection && connection.PropertyType == typeof(string));
        Assert.Equal(ConverterFallbackBehavior.Default, type.GetCustomAttribute<ConverterFallbackBehaviorAttribute>()!.Behavior);
        Assert.NotNull(type.GetCustomAttribute<InputConverterAttribute>());
    }

    [Fact]
    public void Triggers_UseOnlyWhatTheOfficialOneHas() => Assert.All(
        typeof(MailFunctions.Functions.Inbound.InboundFunction).Assembly.GetTypes().SelectMany(t => t.GetMethods())
            .SelectMany(m => m.GetParameters()).Where(p => p.GetCustomAttribute<ServiceBusTriggerAttribute>() is not null),
        p => Assert.Equal(typeof(ServiceBusReceivedMessage), p.ParameterType));

    [Fact]
    public async Task Convert_DeferredData_IsTheMessageWithItsLockToken()
    {
        var token = Guid.NewGuid();
        var sent = new AmqpAnnotatedMessage(AmqpMessageBody.FromData([Encoding.UTF8.GetBytes("{\"v\":1}")]));
        sent.Properties.MessageId = new AmqpMessageId("m1");
        sent.Header.DeliveryCount = 3;
        sent.ApplicationProperties["Diagnostic-Id"] = "trace";

        var result = await ConvertAsync("AzureServiceBusReceivedMessage", [.. token.ToByteArray(), .. sent.ToBytes().ToArray()]);

        var message = Assert.IsType<ServiceBusReceivedMessage>(result.Value);
        Assert.Equal(
            ("m1", "{\"v\":1}", 3, token.ToString()),
            (message.MessageId, message.Body.ToString(), message.DeliveryCount, message.LockToken));
        Assert.Equal("trace", message.ApplicationProperties["Diagnostic-Id"]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    [InlineData(40)]
    public async Task Convert_WhatIsNoMessage_FailsTheInvocationAndDoesNotThrow(int octets) =>
        Assert.Equal(
            ConversionStatus.Failed,
            (await ConvertAsync("AzureServiceBusReceivedMessage", [.. Enumerable.Repeat((byte)0xff, octets)])).Status);

    [Fact]
    public async Task Convert_DataOfAnotherSource_IsLeftToOthers() =>
        Assert.Equal(ConversionStatus.Unhandled, (await ConvertAsync("AzureStorageBlobs", new byte[40])).Status);

    private static async Task<ConversionResult> ConvertAsync(string source, byte[] content)
    {
        var converter =
            (IInputConverter)Activator.CreateInstance(
                typeof(ServiceBusTriggerAttribute).GetCustomAttribute<InputConverterAttribute>()!.ConverterType, nonPublic: true)!;
        return await converter.ConvertAsync(new Context(new Data(source, BinaryData.FromBytes(content))));
    }

    private sealed class Data(string source, BinaryData content) : ModelBindingData
    {
        public override string Version => "1.0";

        public override string Source => source;

        public override string ContentType => "application/octet-stream";

        public override BinaryData Content => content;
    }

    private sealed class Context(object source) : ConverterContext
    {
        public override Type TargetType => typeof(ServiceBusReceivedMessage);

        public override object? Source => source;

        public override FunctionContext FunctionContext => throw new NotSupportedException();

        public override IReadOnlyDictionary<string, object> Properties => new Dictionary<string, object>();
    }
}
