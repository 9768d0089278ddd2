using MailFunctions.Protocols.Tests.Harness;
using MailFunctions.TestKit;
using Xunit;

namespace MailFunctions.Protocols.Tests;

/// <summary>Every dialog file, cut in three ways, in plaintext and over TLS where that makes sense.</summary>
public sealed class DialogTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "MailFunctions.Protocols.Tests", "Dialogs");

    public static TheoryData<string, Chunking, bool> Files()
    {
        var rows = new TheoryData<string, Chunking, bool>();
        foreach (var file in Directory.EnumerateFiles(Folder, "*.txt", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var settings = Dialog.Read(file, tls: false).Settings;
            var connections = settings.GetValueOrDefault("connections", "both");
            foreach (var chunking in Enum.GetValues<Chunking>())
            {
                if (connections is "both" or "plain")
                {
                    rows.Add(Path.GetRelativePath(Folder, file), chunking, false);
                }

                if (connections is "both" or "tls")
                {
                    rows.Add(Path.GetRelativePath(Folder, file), chunking, true);
                }
            }
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Dialog_HoweverItIsCut_GoesAsWritten(string file, Chunking chunking, bool tls)
    {
        var server = await DialogRunner.RunAsync(Path.Combine(Folder, file), chunking, tls);

        var settings = Dialog.Read(Path.Combine(Folder, file), tls).Settings;
        if (settings.TryGetValue("accepted", out var accepted))
        {
            Assert.Equal(accepted, $"{server.Accepted.Count}");
        }

        if (settings.TryGetValue("content", out var content))
        {
            // What the client sent, behind the field that the server put on top.
            var expected = Dialog.Decode(content);
            Assert.Equal(expected, server.Accepted[0].Content[^expected.Length..]);
        }

        if (settings.TryGetValue("left", out var left))
        {
            Assert.Equal(left, string.Join(' ', server.Maildrop.Messages.Keys));
        }
    }
}
