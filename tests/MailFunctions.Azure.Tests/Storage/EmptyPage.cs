using System.Diagnostics.CodeAnalysis;
using Azure;
using Azure.Core;

namespace MailFunctions.Azure.Tests.Storage;

/// <summary>An answer of Table storage that has no rows yet and says where to go on, as Azurite never gives it.</summary>
internal sealed class EmptyPage(string partition, string row) : Response
{
    private readonly Dictionary<string, string> _headers = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Content-Type"] = "application/json;odata=minimalmetadata",
        ["x-ms-continuation-NextPartitionKey"] = partition,
        ["x-ms-continuation-NextRowKey"] = row,
    };

    public override int Status => 200;

    public override string ReasonPhrase => "OK";

    public override Stream? ContentStream { get; set; } = new MemoryStream([.. """{"value":[]}"""u8]);

    public override string ClientRequestId { get; set; } = "";

    public override void Dispose()
    {
        // Memory only.
    }

    protected override bool TryGetHeader(string name, [NotNullWhen(true)] out string? value) => _headers.TryGetValue(name, out value);

    protected override bool TryGetHeaderValues(string name, [NotNullWhen(true)] out IEnumerable<string>? values)
    {
        values = _headers.TryGetValue(name, out var value) ? [value] : null;
        return values is not null;
    }

    protected override bool ContainsHeader(string name) => _headers.ContainsKey(name);

    protected override IEnumerable<HttpHeader> EnumerateHeaders() => _headers.Select(h => new HttpHeader(h.Key, h.Value));
}
