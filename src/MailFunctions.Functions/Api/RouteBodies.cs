namespace MailFunctions.Functions.Api;

/// <summary>An example of a route's JSON body, for the API's description.</summary>
internal sealed record BodyExample(string Json);

/// <summary>What a route says of its body.</summary>
internal static class RouteBodies
{
    /// <summary>The route takes JSON, as in the example.</summary>
    public static RouteHandlerBuilder AcceptsJson<TBody>(this RouteHandlerBuilder route, string example)
        where TBody : notnull => route.Accepts<TBody>("application/json").WithMetadata(new BodyExample(example));
}
