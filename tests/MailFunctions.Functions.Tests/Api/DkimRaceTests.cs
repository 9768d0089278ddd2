using System.Net;
using System.Net.Http.Json;
using Xunit;

namespace MailFunctions.Functions.Tests.Api;

/// <summary>Several postmasters at once: one of them wins, and no private key is left that no row names.</summary>
[Collection(CountedAlone.Name)]
public sealed class DkimRaceTests(TestedApi api)
{
    private const int AtOnce = 8;

    [Fact]
    public async Task Domain_MadeBySeveralAtOnce_HasOnePairOfKeys()
    {
        var domain = TestedApi.NewName() + ".test";
        var before = Keys;

        var answers = await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => SendAsync(HttpMethod.Put, $"domains/{domain}")));

        Assert.Single(answers, HttpStatusCode.Created);
        Assert.All(
            answers, a => Assert.Contains(a, new[] { HttpStatusCode.Created, HttpStatusCode.OK, HttpStatusCode.PreconditionFailed }));
        Assert.Equal(before + 2, Keys);
    }

    [Fact]
    public async Task Rotation_BySeveralAtOnce_MakesOnePair()
    {
        var domain = TestedApi.NewName() + ".test";
        await SendAsync(HttpMethod.Put, $"domains/{domain}");
        var before = Keys;

        var answers = await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => SendAsync(HttpMethod.Post, $"domains/{domain}/dkim")));

        Assert.Single(answers, HttpStatusCode.Created);
        Assert.All(
            answers, a => Assert.Contains(a, new[] { HttpStatusCode.Created, HttpStatusCode.Conflict, HttpStatusCode.PreconditionFailed }));
        Assert.Equal(before + 2, Keys);
        Assert.Equal(4, (await api.GetAsync($"domains/{domain}")).Body.GetProperty("dkim").GetArrayLength());
    }

    private int Keys => Directory.GetFiles(api.DkimKeyDirectory).Length;

    private async Task<HttpStatusCode> SendAsync(HttpMethod method, string path) =>
        (await api.SendAsync(method, path, method == HttpMethod.Put ? JsonContent.Create(new { }) : null)).Status;
}
