using Azure.Messaging.ServiceBus;
using MailFunctions.Functions.Triggers;
using Microsoft.Azure.Functions.Worker;
using Xunit;

namespace MailFunctions.Functions.Tests.Triggers;

/// <summary>Invokes triggers as the host does, and gives their results as values.</summary>
internal static class Triggered
{
    /// <summary>With a message of this body.</summary>
    public static Task<TriggerResult> ByMessageAsync(Func<ServiceBusReceivedMessage, FunctionContext, Task> run, byte[] body) =>
        ResultAsync(run(ServiceBusModelFactory.ServiceBusReceivedMessage(BinaryData.FromBytes(body)), new Invocation()));

    public static async Task<TriggerResult> ResultAsync(Task invocation)
    {
        try
        {
            await invocation;
            return new TriggerResult.Succeeded();
        }
        catch (TriggerFailedException e)
        {
            return new TriggerResult.Failed(e.Message);
        }
    }

    private sealed class Invocation : FunctionContext
    {
        public override string InvocationId => "1";

        public override string FunctionId => "1";

        public override TraceContext TraceContext { get; } = new NoTrace();

        public override CancellationToken CancellationToken => TestContext.Current.CancellationToken;

        public override IDictionary<object, object> Items { get; set; } = new Dictionary<object, object>();

        public override BindingContext BindingContext => throw new NotSupportedException();

        public override RetryContext RetryContext => throw new NotSupportedException();

        public override FunctionDefinition FunctionDefinition => throw new NotSupportedException();

        public override IInvocationFeatures Features => throw new NotSupportedException();

        public override IServiceProvider InstanceServices
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }
    }

    private sealed class NoTrace : TraceContext
    {
        public override string TraceParent => "";

        public override string TraceState => "";
    }
}
