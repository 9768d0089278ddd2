using System.Net;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Options;
using Xunit;

namespace MailFunctions.Edge.Tests.Admission;

/// <summary>The caps on sessions: in all, and per client.</summary>
public sealed class ConnectionLimitsTests
{
    private static readonly IPAddress A = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress B = IPAddress.Parse("192.0.2.2");

    [Fact]
    public void TryEnter_ClientCapReached_RefusesThatClientOnly()
    {
        var limits = Limits(all: 10, perClient: 2);

        Assert.Equal(ConnectionAdmission.Admitted, limits.TryEnter(A));
        Assert.Equal(ConnectionAdmission.Admitted, limits.TryEnter(A));
        Assert.Equal(ConnectionAdmission.ClientFull, limits.TryEnter(A));
        Assert.Equal(ConnectionAdmission.Admitted, limits.TryEnter(B));
        Assert.Equal(3, limits.Open);
    }

    [Fact]
    public void TryEnter_ServerCapReached_RefusesEverybody()
    {
        var limits = Limits(all: 1, perClient: 1);
        limits.TryEnter(A);

        Assert.Equal(ConnectionAdmission.ServerFull, limits.TryEnter(B));
        Assert.Equal(1, limits.Open);
    }

    [Fact]
    public async Task TryEnter_MoreThanMayBeginInASecond_AreRefusedAndLaterAdmitted()
    {
        using var limits =
            new ConnectionLimits(Options.Create(new EdgeOptions { MaxNewConnectionsPerSecond = 10, MaxConnectionsPerClient = 1000 }));

        var admitted = Enumerable.Range(0, 500).Count(_ => limits.TryEnter(A) == ConnectionAdmission.Admitted);

        Assert.InRange(admitted, 10, 100); // the burst, and what a busy machine's clock adds meanwhile
        Assert.Equal(admitted, limits.Open);
        for (var tries = 0; limits.TryEnter(B) != ConnectionAdmission.Admitted; tries++)
        {
            Assert.True(tries < 300, "No place came back.");
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public void Leave_PlaceGivenBack_IsFreeAgain()
    {
        var limits = Limits(all: 10, perClient: 1);
        limits.TryEnter(A);
        limits.TryEnter(A);
        limits.Leave(A);

        Assert.Equal(0, limits.Open);
        Assert.Equal(ConnectionAdmission.Admitted, limits.TryEnter(A));
    }

    [Fact]
    public void TryEnter_AddressesOfOneIPv6Network_AreOneClient()
    {
        var limits = Limits(all: 10, perClient: 1);
        limits.TryEnter(IPAddress.Parse("2001:db8:0:1::1"));

        Assert.Equal(ConnectionAdmission.ClientFull, limits.TryEnter(IPAddress.Parse("2001:db8:0:1:ffff::2")));
        Assert.Equal(ConnectionAdmission.Admitted, limits.TryEnter(IPAddress.Parse("2001:db8:0:2::1")));
    }

    [Fact]
    public async Task TryEnter_ManyAtOnce_NeverPassesTheCaps()
    {
        var limits = Limits(all: 50, perClient: 5);
        var highest = 0;

        await Parallel.ForEachAsync(Enumerable.Range(0, 20_000), TestContext.Current.CancellationToken, (i, _) =>
        {
            var client = new IPAddress([192, 0, 2, (byte)(i % 20)]);
            if (limits.TryEnter(client) == ConnectionAdmission.Admitted)
            {
                highest = Math.Max(highest, limits.Open);
                limits.Leave(client);
            }

            return ValueTask.CompletedTask;
        });

        Assert.InRange(highest, 1, 50 + Environment.ProcessorCount); // a refused one is counted for a moment
        Assert.Equal(0, limits.Open);
        Assert.Equal(ConnectionAdmission.Admitted, limits.TryEnter(A));
    }

    private static ConnectionLimits Limits(int all, int perClient) =>
        new(Options.Create(new EdgeOptions { MaxConnections = all, MaxConnectionsPerClient = perClient }));
}
