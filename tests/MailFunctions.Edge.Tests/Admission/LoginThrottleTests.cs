using System.Net;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using MailFunctions.TestKit;
using Microsoft.Extensions.Options;
using Xunit;

namespace MailFunctions.Edge.Tests.Admission;

/// <summary>Failed logins make the next ones wait.</summary>
public sealed class LoginThrottleTests : IDisposable
{
    private static readonly IPAddress Client = IPAddress.Parse("192.0.2.1");
    private static readonly IPAddress Other = IPAddress.Parse("198.51.100.1");

    private readonly ManualTime _time = new();
    private readonly LoginThrottle _throttle;

    public LoginThrottleTests() => _throttle = new LoginThrottle(
        Options.Create(new LoginOptions { FreeFailuresPerAccount = 3, FreeFailuresPerClient = 5, MaxDelay = TimeSpan.FromSeconds(60) }),
        _time);

    [Fact]
    public void WaitFor_FailuresWithinTheAllowance_IsZero()
    {
        Fail("alice", 3);

        Assert.Equal(TimeSpan.Zero, _throttle.WaitFor(Client, "alice"));
    }

    [Fact]
    public void WaitFor_EachFurtherFailure_DoublesUpToTheLongest()
    {
        Fail("alice", 3);
        var waits = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            _throttle.RecordFailure(Other, "alice");
            waits.Add(_throttle.WaitFor(IPAddress.Parse("203.0.113.9"), "alice").TotalSeconds);
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60, 60], waits);
    }

    [Fact]
    public void WaitFor_DelayHasPassed_IsZeroAgain()
    {
        Fail("alice", 4);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(TimeSpan.Zero, _throttle.WaitFor(Client, "alice"));
    }

    [Fact]
    public void WaitFor_OneClientTriesManyAccounts_WaitsForAllOfThem()
    {
        for (var i = 0; i < 6; i++)
        {
            _throttle.RecordFailure(Client, $"user{i}");
        }

        Assert.Equal(TimeSpan.FromSeconds(1), _throttle.WaitFor(Client, "somebody-else"));
        Assert.Equal(TimeSpan.Zero, _throttle.WaitFor(Other, "somebody-else"));
    }

    [Fact]
    public void DelayFor_EachFailure_DoublesForTheAccountAndForTheClient()
    {
        var delays = new List<double>();
        for (var i = 0; i < 7; i++)
        {
            delays.Add(_throttle.DelayFor(Other, "alice").TotalSeconds);
            Assert.Equal(delays[^1], _throttle.DelayFor(Client, "somebody-else").TotalSeconds);
            Fail("alice", 1);
        }

        Assert.Equal([0, 0.5, 1, 2, 4, 8, 10], delays);
        Assert.Equal(TimeSpan.Zero, _throttle.DelayFor(Other, "somebody-else"));
    }

    [Fact]
    public void DelayFor_AMinuteAfterTheFailure_IsZeroAndGrowsOnWithTheNext()
    {
        Fail("alice", 2);
        _time.Advance(LoginThrottle.HoldsBackFor);
        Assert.Equal(TimeSpan.Zero, _throttle.DelayFor(Client, "alice"));

        Fail("alice", 1);
        Assert.Equal(TimeSpan.FromSeconds(2), _throttle.DelayFor(Client, "alice"));
    }

    [Fact]
    public void RecordSuccess_ClientIsFamiliarToThatAccount_OthersFailuresNeitherHoldItBackNorAreForgotten()
    {
        _throttle.RecordSuccess(Client, "alice");
        for (var i = 0; i < 8; i++)
        {
            _throttle.RecordFailure(Other, "alice");
            _throttle.RecordFailure(Client, $"user{i}"); // somebody else behind the same address
        }

        Assert.Equal(TimeSpan.Zero, _throttle.WaitFor(Client, "alice"));
        Assert.Equal(TimeSpan.Zero, _throttle.DelayFor(Client, "alice"));
        Assert.NotEqual(TimeSpan.Zero, _throttle.WaitFor(Other, "alice"));
        Assert.NotEqual(TimeSpan.Zero, _throttle.WaitFor(Client, "bob"));

        _throttle.RecordSuccess(Client, "alice");
        Assert.NotEqual(TimeSpan.Zero, _throttle.WaitFor(IPAddress.Parse("203.0.113.9"), "alice"));
    }

    [Fact]
    public void RecordFailure_OfAFamiliarClient_CountsForItAloneUntilItSucceeds()
    {
        _throttle.RecordSuccess(Client, "alice");
        Fail("alice", 4);

        Assert.Equal(TimeSpan.FromSeconds(1), _throttle.WaitFor(Client, "alice"));
        Assert.Equal(TimeSpan.Zero, _throttle.WaitFor(Other, "alice"));
        Assert.Equal(TimeSpan.Zero, _throttle.WaitFor(Client, "bob"));

        _throttle.RecordSuccess(Client, "alice");
        Assert.Equal(TimeSpan.Zero, _throttle.WaitFor(Client, "alice"));
    }

    [Fact]
    public void SubjectOf_FailuresOnlyForADay_ClientIsFamiliarNoLonger()
    {
        _throttle.RecordSuccess(Client, "alice");
        for (var hour = 0; hour < 24; hour++)
        {
            Assert.True(_throttle.SubjectOf(Client, "alice").IsFamiliar);
            _time.Advance(TimeSpan.FromHours(1));
        }

        Assert.False(_throttle.SubjectOf(Client, "alice").IsFamiliar);
    }

    [Fact]
    public void RecordFailure_AWholeSlash64_IsOneClientAndManyNetworksAreOneAccount()
    {
        for (var i = 0; i < 6; i++)
        {
            _throttle.RecordFailure(IPAddress.Parse($"2001:db8:0:1::{i}"), $"user{i}");
            _throttle.RecordFailure(IPAddress.Parse($"10.{i}.0.1"), "alice");
        }

        Assert.NotEqual(TimeSpan.Zero, _throttle.WaitFor(IPAddress.Parse("2001:db8:0:1::ffff"), "bob"));
        Assert.NotEqual(TimeSpan.Zero, _throttle.WaitFor(IPAddress.Parse("10.99.0.1"), "alice"));
        Assert.Equal(TimeSpan.Zero, _throttle.WaitFor(IPAddress.Parse("2001:db8:0:2::1"), "bob"));
    }

    [Fact]
    public void TakeLook_FromManyNetworks_IsBoundedUntilTheTimeIsOver()
    {
        Fail("alice", 8);

        Assert.Equal(
            LoginThrottle.Looks, Enumerable.Range(0, 200).Count(i => _throttle.TakeLook(new IPAddress([10, 0, (byte)i, 1]), "alice")));
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.True(_throttle.TakeLook(Other, "alice"));
    }

    [Fact]
    public void TakeLook_ByAClientThatHasToWaitItself_IsRefused()
    {
        for (var i = 0; i < 6; i++)
        {
            _throttle.RecordLook(Client, "alice");
        }

        Assert.False(_throttle.TakeLook(Client, "alice"));
        Assert.True(_throttle.TakeLook(Other, "alice"));
    }

    [Fact]
    public void RecordFailure_NothingForALongTime_CountIsForgotten()
    {
        Fail("alice", 8);
        _time.Advance(TimeSpan.FromMinutes(31));
        Fail("alice", 1);

        Assert.Equal(TimeSpan.Zero, _throttle.WaitFor(Client, "alice"));
    }

    [Fact]
    public void RecordFailure_OthersBehindTheAddressLogInAllTheTime_CountIsForgottenAllTheSame()
    {
        Fail("alice", 8);
        for (var minute = 0; minute < 31; minute++)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            _throttle.WaitFor(Client, "bob");
        }

        Fail("alice", 1);

        Assert.Equal(TimeSpan.Zero, _throttle.WaitFor(Client, "bob"));
    }

    [Fact]
    public void RecordFailure_ManyMoreNamesThanAreTracked_LatestIsStillCounted()
    {
        using var throttle = new LoginThrottle(Options.Create(new LoginOptions { MaxTrackedFailures = 100 }), _time);
        for (var i = 0; i < 2000; i++)
        {
            throttle.RecordFailure(new IPAddress([10, 0, (byte)(i >> 8), (byte)i]), $"name{i}");
        }

        for (var i = 0; i < 20; i++)
        {
            throttle.RecordFailure(Client, "alice");
        }

        Assert.True(throttle.Tracked <= 100, $"{throttle.Tracked} counts are kept");
        Assert.NotEqual(TimeSpan.Zero, throttle.WaitFor(Client, "alice"));
    }

    public void Dispose() => _throttle.Dispose();

    private void Fail(string login, int times)
    {
        for (var i = 0; i < times; i++)
        {
            _throttle.RecordFailure(Client, login);
        }
    }
}
