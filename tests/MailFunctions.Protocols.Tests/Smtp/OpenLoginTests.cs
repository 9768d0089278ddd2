using System.Text;
using MailFunctions.Core.Envelopes;
using MailFunctions.Core.Sessions;
using MailFunctions.Protocols.Sessions;
using MailFunctions.Protocols.Tests.Harness;
using MailFunctions.Protocols.Tests.Limits;
using Xunit;

namespace MailFunctions.Protocols.Tests.Smtp;

/// <summary>A submission session whose login no longer holds: it is asked at each MAIL.</summary>
public sealed class OpenLoginTests
{
    private const string Mail = "MAIL FROM:<alice@example.test>";

    [Fact]
    public async Task Mail_LoginHasEnded_Gets421AndTheSessionEnds()
    {
        using var session = await LogInAsync();
        Assert.StartsWith("250", await session.AskAsync(Mail), StringComparison.Ordinal);
        await session.AskAsync("RSET");

        session.Server.LoginState = LoginState.Ended;

        Assert.StartsWith("421 4.7.0", await session.AskAsync(Mail), StringComparison.Ordinal);
        Assert.Equal(SessionEnd.LoginEnded, await session.Running);
    }

    [Fact]
    public async Task Mail_DirectoryAway_Gets451AndGoesOnLater()
    {
        using var session = await LogInAsync();

        session.Server.LoginState = LoginState.Unknown;
        Assert.StartsWith("451 4.4.3", await session.AskAsync(Mail), StringComparison.Ordinal);

        session.Server.LoginState = LoginState.Valid;
        Assert.StartsWith("250", await session.AskAsync(Mail), StringComparison.Ordinal);
        await session.AskAsync("QUIT");
    }

    private static async Task<TimedSession> LogInAsync()
    {
        var session = await TimedSession.StartAsync(kind: ListenerKind.Submission);
        await session.AskAsync("EHLO client.test");
        var plain = Convert.ToBase64String(Encoding.UTF8.GetBytes($"\0alice@example.test\0{TestServer.Password}"));
        Assert.StartsWith("235", await session.AskAsync("AUTH PLAIN " + plain), StringComparison.Ordinal);
        return session;
    }
}
