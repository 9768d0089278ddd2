using MailFunctions.Edge.Health;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Health;

public sealed class BackendsTests
{
    private readonly ManualTime _time = new();
    private readonly TestLog<Backends> _log = new();
    private readonly Backends _backends;

    public BackendsTests() => _backends = new Backends(_log, _time);

    [Fact]
    public void Fault_OfTheLastSeconds_IsTrouble_UntilTheSameWorkSucceeds()
    {
        _backends.Ended("writing blobs", "it answered 500");
        _backends.Ended("reading blobs", null); // a full disk is read all the same
        Assert.Equal("writing blobs: it answered 500", _backends.Fault);

        _backends.Ended("writing blobs", null);
        Assert.Null(_backends.Fault);
    }

    [Fact]
    public void Fault_WithoutFurtherWork_IsForgottenAfterSomeSeconds()
    {
        _backends.Ended("sending to the bus", "it is away");
        _time.Advance(Backends.Recent - TimeSpan.FromSeconds(1));
        Assert.NotNull(_backends.Fault);

        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Null(_backends.Fault);
    }

    [Fact]
    public void Faults_ByTheThousand_AreALineAMinuteForEachKindOfWork_WithTheirNumber()
    {
        for (var i = 0; i < 1000; i++)
        {
            _backends.Ended("writing blobs", "it answered 500");
        }

        _backends.Ended("sending to the bus", "it is away");
        _time.Advance(Backends.LoggedEvery);
        _backends.Ended("writing blobs", "it answered 503");

        Assert.Equal(
            [
                "1150 Clients are asked to try again later. writing blobs: it answered 500 (1 times since the last such line)",
                "1150 Clients are asked to try again later. sending to the bus: it is away (1 times since the last such line)",
                "1150 Clients are asked to try again later. writing blobs: it answered 503 (1000 times since the last such line)",
            ],
            _log.Lines);
    }
}
