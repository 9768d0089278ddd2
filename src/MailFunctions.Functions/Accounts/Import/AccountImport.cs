using System.Text;
using System.Text.Json;
using MailFunctions.Core.Directory;
using MailFunctions.Functions.Api;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;

namespace MailFunctions.Functions.Accounts.Import;

/// <summary>
/// `POST /api/accounts/import`: CSV with a header, or JSON lines; one line of JSON back for each, in order. A bad line stops
/// nothing else; an account that is there stays as it is, so that running it twice changes nothing. Passwords take some
/// hundred milliseconds of a core each; verifiers take none.
/// </summary>
internal static class AccountImport
{
    public const string CsvType = "text/csv";
    public const string JsonLinesType = "application/x-ndjson";
    private const int LinesAtOnce = 32;
    private const int ReportInMemory = 256 * 1024;
    private const int MaxDomainsKnown = 10_000;

    public static void MapAccountImport(this IEndpointRouteBuilder routes) => routes.MapPost(AccountRoutes.Group + "/import", PostAsync)
        .WithTags("Accounts").Accepts<Stream>(CsvType, JsonLinesType).Produces(200, contentType: JsonLinesType)
            .ProducesValidationProblem().ProducesProblem(415)
        .WithSummary("Makes many accounts, a line each");

    private static async Task<IResult> PostAsync(
        HttpRequest request, IDirectoryStore store, AccountResource accounts, CancellationToken cancellationToken)
    {
        var type = request.GetTypedHeaders().ContentType?.MediaType.Value?.ToLowerInvariant();
        if (type is not (CsvType or JsonLinesType))
        {
            return TypedResults.Problem(
                $"The body has to be {CsvType} or {JsonLinesType}.", statusCode: StatusCodes.Status415UnsupportedMediaType);
        }

        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null; // each line has its own bound
        }

        // Many clients send everything before they read anything: the report waits, past some size in a temporary file.
        var report = new FileBufferingWriteStream(ReportInMemory);
        request.HttpContext.Response.RegisterForDisposeAsync(report);
        var run = new Run(store, accounts, type == CsvType);
        var under = new Queue<Task<LineAnswer>>();
        await foreach (var line in BoundedLines.ReadAsync(request.BodyReader, cancellationToken))
        {
            if (run.Begin(line, out var fault) is { } work)
            {
                under.Enqueue(Task.Run(() => work(cancellationToken), cancellationToken));
            }
            else if (fault is not null)
            {
                return fault;
            }

            if (under.Count == LinesAtOnce)
            {
                await WriteAsync(report, await under.Dequeue(), cancellationToken);
            }
        }

        while (under.TryDequeue(out var answer))
        {
            await WriteAsync(report, await answer, cancellationToken);
        }

        return TypedResults.Stream(body => report.DrainBufferAsync(body, cancellationToken), JsonLinesType);
    }

    private static async Task WriteAsync(Stream report, LineAnswer answer, CancellationToken cancellationToken)
    {
        await report.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(answer, ImportJson.Default.LineAnswer), cancellationToken);
        await report.WriteAsync("\n"u8.ToArray(), cancellationToken);
    }

    private sealed class Run(IDirectoryStore store, AccountResource accounts, bool csv)
    {
        private readonly System.Collections.Concurrent.ConcurrentDictionary<string, bool> _domains = new();
        private List<string>? _header;
        private long _line;

        /// <summary>The work of a line; null for one that needs none, or when the header is wrong.</summary>
        public Func<CancellationToken, Task<LineAnswer>>? Begin(byte[]? line, out IResult? fault)
        {
            fault = null;
            var number = ++_line;
            if (line is { Length: 0 })
            {
                return null;
            }

            if (csv && _header is null)
            {
                _header = line is null ? null : AccountLine.SplitCsv(Encoding.UTF8.GetString(line).TrimStart('\uFEFF'));
                fault = _header is not null && _header.Contains("address") && _header.All(AccountLine.FieldNames.Contains)
                    && _header.Distinct().Count() == _header.Count
                    ? null
                    : ApiProblems.Invalid(
                        "header", $"The first line names the fields, address among them: {string.Join(", ", AccountLine.FieldNames)}.");
                return null;
            }

            return token => AddAsync(number, line, token);
        }

        private async Task<LineAnswer> AddAsync(long number, byte[]? line, CancellationToken cancellationToken)
        {
            var faults = new Faults();
            var asked = Read(line, faults);
            if (asked is null)
            {
                return Refused(number, null, faults);
            }

            if (ApiRequests.ReadAddress(asked.Address ?? "") is not { } address || address.Key.Contains('+', StringComparison.Ordinal))
            {
                faults.Add("address", "This is not an address of the form local-part@domain without a tag.");
                return Refused(number, null, faults);
            }

            var name = address.ToCanonicalString();
            if (!await HasDomainAsync(address.Domain, cancellationToken))
            {
                faults.Add("address", $"There is no domain '{address.Domain}': make it first.");
            }
            else if ((asked.Password is null) == (asked.Verifier is null))
            {
                faults.Add("password", "Give a password, or a verifier.");
            }
            else if (await store.FindEntryAsync(address, cancellationToken) is { } existing)
            {
                if (existing is AccountEntry)
                {
                    return new LineAnswer(number, name, "exists");
                }

                faults.Add("address", "This is an alias: delete it first.");
            }
            else
            {
                var account = AccountRules.Apply(asked, accounts.New(address), replace: true, faults);
                account = asked.Verifier is { } verifier ? account with { Password = AccountLine.ReadVerifier(verifier, faults) } : account;
                if (!faults.Any)
                {
                    var written = await store.PutEntryAsync(account, cancellationToken);
                    return new LineAnswer(number, name, written.Result == WriteResult.Created ? "created" : "exists");
                }
            }

            return Refused(number, name, faults);
        }

        private AccountLine? Read(byte[]? line, Faults faults)
        {
            if (line is null)
            {
                faults.Add("line", $"A line has {BoundedLines.MaxOctets} octets at most.");
                return null;
            }

            if (!csv)
            {
                return AccountLine.FromJson(line, faults);
            }

            if (AccountLine.SplitCsv(Encoding.UTF8.GetString(line)) is { } fields)
            {
                return AccountLine.FromFields(_header!, fields, faults);
            }

            faults.Add("line", "A quotation mark is missing, or stands in the middle of a field (RFC 4180).");
            return null;
        }

        private async ValueTask<bool> HasDomainAsync(string domain, CancellationToken cancellationToken)
        {
            if (_domains.TryGetValue(domain, out var known))
            {
                return known;
            }

            known = await store.FindDomainAsync(domain, cancellationToken) is not null;
            if (_domains.Count < MaxDomainsKnown)
            {
                _domains[domain] = known;
            }

            return known;
        }

        private static LineAnswer Refused(long number, string? address, Faults faults) =>
            new(number, address, "refused", faults.ToDictionary());
    }
}
