using Azure.Core.Amqp;
using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker.Converters;
using Microsoft.Azure.Functions.Worker.Core;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Microsoft.Azure.Functions.Worker;

/// <summary>
/// What the package Microsoft.Azure.Functions.Worker.Extensions.ServiceBus gives to a trigger on a queue, as far as this
/// app uses it, under the same name. The package could not be restored from this project's package source; when it can,
/// this file is deleted and nothing else changes (decision record 0070).
/// </summary>
[InputConverter(typeof(ServiceBusReceivedMessageConverter))]
[ConverterFallbackBehavior(ConverterFallbackBehavior.Default)]
public sealed class ServiceBusTriggerAttribute(string queueName) : TriggerBindingAttribute
{
    public string QueueName { get; } = queueName;

    /// <summary>Name of the setting, or of the section, that says which namespace and how.</summary>
    public string? Connection { get; set; }
}

/// <summary>Deferred binding: the host gives the lock token's 16 octets and the AMQP message.</summary>
#pragma warning disable AZFW0009 // the worker reads this attribute from converters too: the official ones carry it
[SupportsDeferredBinding]
#pragma warning restore AZFW0009
[SupportedTargetType(typeof(ServiceBusReceivedMessage))]
internal sealed class ServiceBusReceivedMessageConverter : IInputConverter
{
    private const string BindingSource = "AzureServiceBusReceivedMessage";
    private const int LockTokenOctets = 16;

    public ValueTask<ConversionResult> ConvertAsync(ConverterContext context) => new(
        context.Source is ModelBindingData { Source: BindingSource } data ? Read(data.Content.ToMemory()) : ConversionResult.Unhandled());

    private static ConversionResult Read(ReadOnlyMemory<byte> content)
    {
        try
        {
            return ConversionResult.Success(ServiceBusReceivedMessage.FromAmqpMessage(
                AmqpAnnotatedMessage.FromBytes(BinaryData.FromBytes(content[LockTokenOctets..])),
                BinaryData.FromBytes(content[..LockTokenOctets])));
        }
        catch (Exception e)
        {
            // Of whatever kind: what can't be read fails this invocation, and the message ends as a dead letter.
            return ConversionResult.Failed(e);
        }
    }
}
