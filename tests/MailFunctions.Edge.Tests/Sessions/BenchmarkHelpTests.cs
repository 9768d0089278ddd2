using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Edge.Tests.Sessions;

/// <summary>`--help` of the measuring programs explains, and measures nothing.</summary>
public sealed class BenchmarkHelpTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData("--help")]
    [InlineData("logins", "--help")]
    [InlineData("logins", "--herd", "10", "-h")]
    [InlineData("fuzz", "smtp", "--help")]
    public async Task Help_OfAnyProgram_IsPrinted(params string[] arguments)
    {
        await using var program = ProgramProcess.Start(Repository.ProgramOf("MailFunctions.Benchmarks"), arguments);

        Assert.Equal(0, await program.WaitForExitAsync(Limit));
        Assert.StartsWith("Programs that measure and try", program.Output[0], StringComparison.Ordinal);
    }
}
