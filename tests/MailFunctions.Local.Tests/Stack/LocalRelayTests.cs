using MailFunctions.Local.Stack;
using Xunit;

namespace MailFunctions.Local.Tests.Stack;

public sealed class LocalRelayTests
{
    [Theory]
    [InlineData("sink", null, false, null)]
    [InlineData("mx", null, true, null)]
    [InlineData("mx", "127.0.0.1:5353", true, "127.0.0.1:5353")]
    [InlineData("mx", "192.0.2.1", true, "192.0.2.1:53")]
    [InlineData("mx", "[::1]:5353", true, "[::1]:5353")]
    public void Parse_WhatGoesTogether_IsTaken(string relay, string? resolver, bool byMx, string? expected) =>
        Assert.Equal(new LocalRelay(byMx, expected), LocalRelay.Parse(relay, resolver));

    [Theory]
    [InlineData("sink", "127.0.0.1:5353", "add --relay mx")]
    [InlineData("mx", "127.0.0.1:x", "use the address and port")]
    [InlineData("mx", "no.such.invalid:53", "use the address and port")]
    [InlineData("mx", "", "use the address and port")]
    public void Parse_AnythingElse_SaysWhatToWrite(string relay, string resolver, string expected) =>
        Assert.Contains(expected, Assert.Throws<StackException>(() => LocalRelay.Parse(relay, resolver)).Message, StringComparison.Ordinal);
}
