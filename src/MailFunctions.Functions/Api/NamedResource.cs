using MailFunctions.Core.Directory;

namespace MailFunctions.Functions.Api;

/// <summary>What a PUT has come with once all its conditions hold.</summary>
/// <param name="Existing">What is there under the name now; null: nothing.</param>
internal sealed record PutRequest<TName, TBody, T>(TName Name, TBody Body, T? Existing);

/// <summary>
/// A kind of thing that the API keeps under a name of the path: what finding, putting and changing one have in common. Each step
/// gives its result, or the answer that says why not.
/// </summary>
/// <param name="kind">As texts name it: `account`.</param>
/// <param name="path">Where its routes begin: `/api/accounts`.</param>
internal abstract class NamedResource<TName, T>(string kind, string path)
    where TName : class
    where T : class
{
    /// <summary>The answer to a name that can't be one.</summary>
    public abstract IResult MalformedName();

    /// <summary>The thing of the path; with a request, also the preconditions of its change are checked.</summary>
    public async Task<(T? Found, IResult? Fault)> FindAsync(string text, CancellationToken cancellationToken, HttpRequest? change = null)
    {
        if (ReadName(text) is not { } name)
        {
            return (null, MalformedName());
        }

        if (await ReadAsync(name, cancellationToken) is not { } found)
        {
            return (null, ApiProblems.NotFound($"There is no {kind} '{Text(name)}'."));
        }

        return change is not null && !Preconditions.Hold(change, ETagOf(found)) ? (null, PreconditionFailed(name)) : (found, null);
    }

    /// <summary>The front half of every PUT: name, body, what is there, and the preconditions.</summary>
    public async Task<(PutRequest<TName, TBody, T>? Put, IResult? Fault)> BeginPutAsync<TBody>(
        string text, HttpRequest request, CancellationToken cancellationToken)
        where TBody : class
    {
        if (ReadName(text) is not { } name || !MayPut(name))
        {
            return (null, MalformedName());
        }

        var (body, malformed) = await ApiRequests.ReadJsonAsync<TBody>(request);
        if (body is null)
        {
            return (null, malformed);
        }

        var (existing, obstacle) = await ReadForPutAsync(name, cancellationToken);
        if (obstacle is not null)
        {
            return (null, obstacle);
        }

        return Preconditions.Hold(request, existing is null ? null : ETagOf(existing))
            ? (new PutRequest<TName, TBody, T>(name, body, existing), null)
            : (null, PreconditionFailed(name));
    }

    /// <summary>The front half of a change by JSON: body, the thing, and the preconditions.</summary>
    public async Task<(TBody? Body, T? Found, IResult? Fault)> BeginChangeAsync<TBody>(
        string text, HttpRequest request, CancellationToken cancellationToken)
        where TBody : class
    {
        var (body, malformed) = await ApiRequests.ReadJsonAsync<TBody>(request);
        if (body is null)
        {
            return (null, null, malformed);
        }

        var (found, fault) = await FindAsync(text, cancellationToken, request);
        return (body, found, fault);
    }

    /// <summary>Writes it: 201 with its place, 200, or 412 when another write came first.</summary>
    public async Task<(bool IsWritten, IResult Answer)> WriteAsync<TAnswer>(
        T thing, HttpResponse response, Func<T, TAnswer> answer, CancellationToken cancellationToken)
    {
        var written = await PutAsync(thing, cancellationToken);
        Preconditions.SetETag(response, written);
        return written.Result switch
        {
            WriteResult.Created => (true, TypedResults.Created(LocationOf(thing), answer(thing))),
            WriteResult.Replaced => (true, TypedResults.Ok(answer(thing))),
            _ => (false, PreconditionFailed(NameOf(thing))),
        };
    }

    /// <summary>Writes the change of what there is: the answer, or 412 when another write came first.</summary>
    public async Task<IResult> ChangeAsync(T thing, HttpResponse response, Func<IResult> answer, CancellationToken cancellationToken)
    {
        var written = await PutAsync(thing, cancellationToken);
        Preconditions.SetETag(response, written);
        return written.Result == WriteResult.Replaced ? answer() : PreconditionFailed(NameOf(thing));
    }

    public IResult PreconditionFailed(TName name) => Preconditions.Failed($"The {kind} '{Text(name)}'");

    public string LocationOf(T thing) => $"{path}/{Uri.EscapeDataString(Text(NameOf(thing)))}";

    protected abstract TName? ReadName(string text);

    /// <summary>Whether one may be made under the name.</summary>
    protected virtual bool MayPut(TName name) => true;

    protected abstract string Text(TName name);

    protected abstract TName NameOf(T thing);

    protected abstract string ETagOf(T thing);

    protected abstract ValueTask<T?> ReadAsync(TName name, CancellationToken cancellationToken);

    /// <summary>What is there, or the answer that says why nothing of this kind can be put there.</summary>
    protected virtual async ValueTask<(T? Existing, IResult? Obstacle)> ReadForPutAsync(TName name, CancellationToken cancellationToken) =>
        (await ReadAsync(name, cancellationToken), null);

    protected abstract Task<Written> PutAsync(T thing, CancellationToken cancellationToken);
}
