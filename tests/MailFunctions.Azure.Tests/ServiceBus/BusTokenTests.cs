using MailFunctions.Azure.ServiceBus;
using MailFunctions.Core.Bus;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Azure.Tests.ServiceBus;

/// <summary>Tokens of a connection end, and new ones may not be had at once.</summary>
public sealed class BusTokenTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly ManualTime _time = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AuthorizeAsync_TokenHasEnded_PutsAnother()
    {
        await using var bus = await LocalBusProcess.StartAsync();
        var tokens = new TestTokens(bus, _time) { Life = TimeSpan.Zero };
        await using var connection = await BusConnection.OpenAsync(OptionsOf(bus), tokens, _time, Token);

        await connection.AuthorizeAsync(QueueNames.Inbound, Token);
        tokens.Life = TimeSpan.FromHours(1);
        await connection.AuthorizeAsync(QueueNames.Inbound, Token);
        await connection.AuthorizeAsync(QueueNames.Inbound, Token); // stands on the one before

        Assert.Equal(2, tokens.Given);
    }

    [Fact]
    public async Task RenewTokens_IdentityEndpointDoesNotAnswer_ConnectionEndsSoThatAnotherIsOpened()
    {
        await using var bus = await LocalBusProcess.StartAsync();
        var tokens = new TestTokens(bus, _time) { Life = TimeSpan.FromMinutes(5) };
        await using var connection = await BusConnection.OpenAsync(OptionsOf(bus), tokens, _time, Token);
        await connection.AuthorizeAsync(QueueNames.Inbound, Token);
        tokens.TimesOut = true;

        _time.Advance(TimeSpan.FromMinutes(1));

        using var limit = new CancellationTokenSource(Limit);
        while (connection.IsOpen)
        {
            await Task.Delay(10, limit.Token);
        }
    }

    private static BusOptions OptionsOf(LocalBusProcess bus) => BusOptions.Parse(bus.ConnectionString, bus.ManagementEndpoint);

    /// <summary>Tokens that the bus takes, with an end in the test's own time.</summary>
    private sealed class TestTokens(LocalBusProcess bus, TimeProvider time) : BusTokens
    {
        private readonly BusTokens _real = For(OptionsOf(bus), TimeProvider.System);

        public TimeSpan Life { get; set; }

        public bool TimesOut { get; set; }

        public int Given { get; private set; }

        public override async ValueTask<BusToken> GetAsync(string audience, CancellationToken cancellationToken)
        {
            if (TimesOut)
            {
                throw new TaskCanceledException("The identity endpoint did not answer.");
            }

            Given++;
            return await _real.GetAsync(audience, cancellationToken) with { ExpiresAt = time.GetUtcNow() + Life };
        }
    }
}
