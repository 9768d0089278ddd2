using MailFunctions.Edge.Tests.Fakes;
using Xunit;

namespace MailFunctions.Edge.Tests.Sessions;

public sealed class StlsTests
{
    /// <summary>RFC 2595 §4, CVE-2011-0411: what somebody put behind STLS is neither answered nor done.</summary>
    [Theory]
    [InlineData("CAPA\r\n")]
    [InlineData("USER alice@example.test\r\nPASS x\r\n")]
    [InlineData("Q")]
    public async Task Stls_PlaintextBehindIt_IsNeverACommand(string behind)
    {
        await using var edge = await RunningEdge.StartAsync();
        await using var client = await EdgeClient.ConnectAsync(edge.Pop3);
        await client.ReadLineAsync();

        await client.SendAsync("STLS\r\n" + behind);

        Assert.StartsWith("+OK", await client.ReadLineAsync(), StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<IOException>(client.StartTlsAsync);
    }
}
