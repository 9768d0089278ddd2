using System.Net.Http.Headers;
using System.Net.Http.Json;
using MailFunctions.TestKit;
using Xunit;

[assembly: AssemblyFixture(typeof(MailFunctions.EndToEnd.SharedStack))]

// These tests wait for locks, deliveries and processes more than they compute: some more than there are processors.
[assembly: Xunit.v3.Parallelization(MaxThreads = 4)]

namespace MailFunctions.EndToEnd;

/// <summary>One running stack for all tests that need nothing special; each test has accounts of its own.</summary>
public sealed class SharedStack : IAsyncLifetime
{
    public const string Password = "correct horse battery staple";

    private static int _accounts;
    private StackProcess? _process;

    public StackJson Stack { get; private set; } = null!;

    public HttpClient Admin { get; private set; } = null!;

    /// <summary>The directory in which it keeps everything.</summary>
    public string Data => _process!.Data;

    public async ValueTask InitializeAsync()
    {
        _process = await StackProcess.StartAsync();
        Stack = _process.Read();
        Admin = AdminClient(Stack);
    }

    public static HttpClient AdminClient(StackJson stack)
    {
        var http = new HttpClient { BaseAddress = new Uri(stack.AdminUrl + "/api/"), Timeout = TimeSpan.FromSeconds(30) };
        http.DefaultRequestHeaders.Add("x-functions-key", stack.AdminKey);
        http.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        return http;
    }

    /// <summary>A fresh account with <see cref="Password"/>.</summary>
    public async Task<AccountJson> CreateAccountAsync(object? settings = null)
    {
        var address = $"user{Interlocked.Increment(ref _accounts)}@example.test";
        using var answer = await Admin.PutAsJsonAsync($"accounts/{address}", settings ?? new { password = Password });
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return new AccountJson(address, Password);
    }

    public async ValueTask DisposeAsync()
    {
        Admin?.Dispose();
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }
    }
}
