using System.Net;
using System.Text;
using System.Text.Json;

namespace MailFunctions.Local.Stack;

/// <summary>Makes the domain and the accounts of the local stack, through the admin API like any postmaster.</summary>
internal sealed class DirectorySetup(string adminUrl, string key)
{
    /// <summary>Makes what is missing; gives the accounts that were there and got their password anew.</summary>
    /// <param name="arePasswordsNew">The accounts' own are not known any more.</param>
    /// <exception cref="StackException">The API refused or did not answer.</exception>
    public async Task<IReadOnlyList<string>> CreateAsync(
        string domain, IReadOnlyDictionary<string, string> passwords, bool arePasswordsNew, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = new Uri(adminUrl), Timeout = TimeSpan.FromSeconds(20) };
        http.DefaultRequestHeaders.Add("x-functions-key", key);
        try
        {
            await PutIfMissingAsync(http, $"api/domains/{domain}", $$"""{"postmaster": "{{passwords.Keys.First()}}"}""", cancellationToken);
            var made =
                await Task.WhenAll(
                    passwords.Select(p => PutIfMissingAsync(http, AccountPath(p.Key), PasswordBody(p.Value), cancellationToken)));
            IReadOnlyList<string> old = arePasswordsNew ? [.. passwords.Keys.Where((_, i) => !made[i])] : [];
            await Task.WhenAll(
                old.Select(a => PutAsync(http, AccountPath(a) + "/password", PasswordBody(passwords[a]), cancellationToken)));
            return old;
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new StackException($"The admin API can't be reached: {e.Message}");
        }
    }

    private static string AccountPath(string address) => $"api/accounts/{Uri.EscapeDataString(address)}";

    private static string PasswordBody(string password) =>
        JsonSerializer.Serialize(new Dictionary<string, string> { ["password"] = password }, SetupJson.Default.DictionaryStringString);

    /// <summary>False when it was there.</summary>
    private static async Task<bool> PutIfMissingAsync(HttpClient http, string path, string body, CancellationToken cancellationToken)
    {
        using var there = await http.GetAsync(path, cancellationToken);
        if (there.StatusCode == HttpStatusCode.OK)
        {
            return false;
        }

        await PutAsync(http, path, body, cancellationToken);
        return true;
    }

    private static async Task PutAsync(HttpClient http, string path, string body, CancellationToken cancellationToken)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await http.PutAsync(path, content, cancellationToken);
        if (!answer.IsSuccessStatusCode)
        {
            throw new StackException(
                $"The admin API refused {path}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(cancellationToken)}");
        }
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class SetupJson : System.Text.Json.Serialization.JsonSerializerContext;
