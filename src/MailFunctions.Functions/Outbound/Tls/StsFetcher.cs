using System.Net;
using System.Net.Http.Headers;
using DnsClient;
using MailFunctions.Core.Relay;
using MailFunctions.Functions.Outbound.Configuration;
using MailFunctions.Functions.Outbound.Routing;

namespace MailFunctions.Functions.Outbound.Tls;

/// <summary>
/// Fetches a domain's policy by HTTPS (RFC 8461 §3.3): the certificate checked, no redirects, no inside addresses,
/// size and time bounded.
/// </summary>
internal sealed class StsFetcher : IDisposable
{
    /// <summary>For the whole of it; the RFC suggests a minute.</summary>
    public static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(30);

    private readonly HttpClient _http;

    /// <param name="handler">As <see cref="CreateHandler"/> makes it.</param>
    public StsFetcher(HttpMessageHandler handler, TimeSpan timeLimit) =>
        _http = new HttpClient(handler) { Timeout = timeLimit, MaxResponseContentBufferSize = StsPolicy.MaxOctets };

    public static SocketsHttpHandler CreateHandler(RelayOptions options)
    {
        var dns = DnsExchanges.CreateClient(options);
        return new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false, // the check would see the proxy's address
            ConnectCallback = (context, cancellationToken) => ConnectAsync(dns, options, context.DnsEndPoint, cancellationToken),
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(5),
            MaxResponseHeadersLength = 16,
        };
    }

    /// <summary>The name and its addresses are the recipient domain's choice.</summary>
    private static async ValueTask<Stream> ConnectAsync(
        LookupClient dns, RelayOptions options, DnsEndPoint server, CancellationToken cancellationToken) =>
        await (await HostAddresses.FindAsync(dns, options, server.Host, cancellationToken)).ConnectAsync(server.Port, cancellationToken);

    /// <summary>The text; null when it can't be fetched.</summary>
    public async Task<string?> FetchAsync(string domain, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"https://mta-sts.{domain}/.well-known/mta-sts.txt");
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/plain"));
            using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseContentRead, cancellationToken);
            return answer is { StatusCode: HttpStatusCode.OK, Content.Headers.ContentType.MediaType: "text/plain" }
                ? System.Text.Encoding.UTF8.GetString(await answer.Content.ReadAsByteArrayAsync(cancellationToken))
                : null;
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    public void Dispose() => _http.Dispose();
}
