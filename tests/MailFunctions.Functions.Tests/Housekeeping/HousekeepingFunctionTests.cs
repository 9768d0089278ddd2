using MailFunctions.Core.Housekeeping;
using MailFunctions.Core.Messages;
using MailFunctions.Functions.Housekeeping;
using MailFunctions.Functions.Tests.Triggers;
using MailFunctions.Functions.Triggers;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace MailFunctions.Functions.Tests.Housekeeping;

public sealed class HousekeepingFunctionTests
{
    [Fact]
    public async Task RunAsync_WhenOneTaskFails_RunsTheOthersAndFails()
    {
        var (first, last) = (new Duty("first", 1), new Duty("last", 2));
        var function = Function(
            first,
            new Duty("away", new StoreUnavailableException("The store is away.")),
            new Duty("broken", new InvalidOperationException()),
            last);

        var result = await RunAsync(function);

        Assert.Equal("away: The store is away.; broken: InvalidOperationException", Assert.IsType<TriggerResult.Failed>(result).Reason);
        Assert.Equal((1, 1), (first.Runs, last.Runs));
    }

    [Fact]
    public async Task RunAsync_WhenAllIsWell_Succeeds() =>
        Assert.IsType<TriggerResult.Succeeded>(await RunAsync(Function(new Duty("one", 0))));

    private static Task<TriggerResult> RunAsync(HousekeepingFunction function) =>
        Triggered.ResultAsync(function.RunAsync(new TimerInfo(), TestContext.Current.CancellationToken));

    private static HousekeepingFunction Function(params IHousekeepingTask[] tasks) => new(tasks, NullLogger<HousekeepingFunction>.Instance);

    private sealed class Duty(string name, int done, Exception? fault = null) : IHousekeepingTask
    {
        public Duty(string name, Exception fault)
            : this(name, 0, fault)
        {
        }

        public int Runs { get; private set; }

        public string Name => name;

        public Task<int> RunAsync(CancellationToken cancellationToken)
        {
            Runs++;
            return fault is null ? Task.FromResult(done) : Task.FromException<int>(fault);
        }
    }
}
