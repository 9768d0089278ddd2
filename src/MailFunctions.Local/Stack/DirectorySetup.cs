using System.Net;
using System.Text;
using System.Text.Json;

namespace MailFunctions.Local.Stack;

/// <summary>Makes the domain and the accounts of the local stack, through the admin API like any postmaster.</summary>
internal sealed class DirectorySetup(string adminUrl, string key)
{
    /// <exception cref="StackException">The API refused or did not answer.</exception>
    public async Task CreateAsync(string domain, IReadOnlyDictionary<string, string> passwords, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = new Uri(adminUrl), Timeout = TimeSpan.FromSeconds(20) };
        http.DefaultRequestHeaders.Add("x-functions-key", key);
        try
        {
            await PutIfMissingAsync(http, $"api/domains/{domain}", $$"""{"postmaster": "{{passwords.Keys.First()}}"}""", cancellationToken);
            await Task.WhenAll(passwords.Select(p => PutIfMissingAsync(
                http,
                $"api/accounts/{Uri.EscapeDataString(p.Key)}",
                JsonSerializer.Serialize(new Dictionary<string, string> { ["password"] = p.Value }, SetupJson.Default.DictionaryStringString),
                cancellationToken)));
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new StackException($"The admin API can't be reached: {e.Message}");
        }
    }

    private static async Task PutIfMissingAsync(HttpClient http, string path, string body, CancellationToken cancellationToken)
    {
        using var there = await http.GetAsync(path, cancellationToken);
        if (there.StatusCode == HttpStatusCode.OK)
        {
            return;
        }

        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await http.PutAsync(path, content, cancellationToken);
        if (!answer.IsSuccessStatusCode)
        {
            throw new StackException($"The admin API refused {path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(cancellationToken)}");
        }
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class SetupJson : System.Text.Json.Serialization.JsonSerializerContext;
