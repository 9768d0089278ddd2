using System.Globalization;
using System.Text.Json.Nodes;
using MailFunctions.Functions.Api;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using EndpointDescription = Microsoft.AspNetCore.Mvc.ApiExplorer.ApiDescription;

namespace MailFunctions.Functions.OpenApi;

/// <summary>`GET /api/openapi.json`: the API described from its own code, with what the code alone does not say.</summary>
internal static class ApiDescription
{
    private const string Document = "v1";
    private const string KeyScheme = "functionKey";
    private const string ProblemType = "application/problem+json";

    public static void AddApiDescription(this IServiceCollection services) => services.AddOpenApi(Document, options =>
    {
        // Query values are plain parameters, described where they stand.
        options.CreateSchemaReferenceId = type =>
            typeof(IQueryValue).IsAssignableFrom(type.Type) ? null : OpenApiOptions.CreateDefaultSchemaReferenceId(type);
        options.AddDocumentTransformer((document, _, _) =>
        {
            Describe(document);
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, context, _) =>
        {
            var path = "/" + context.Description.RelativePath?.TrimEnd('/');
            DescribeParameters(operation, context.Description.ParameterDescriptions);
            Complete(operation, context.Description, path, context.Document);
            return Task.CompletedTask;
        });
    });

    public static void MapApiDescription(this IEndpointRouteBuilder routes) => routes.MapOpenApi("/api/openapi.json");

    private static void Describe(OpenApiDocument document)
    {
        document.Info = new OpenApiInfo
        {
            Title = "MailFunctions admin API",
            Version = "1",
            Description = "What the postmaster does: domains, accounts, aliases, mail, queues, traces. Lists come in pages; "
                + "a change may be made conditional by `If-Match` with the ETag that a GET gave, or by `If-None-Match: *`.",
            License = new OpenApiLicense { Name = "MIT", Identifier = "MIT" },
        };
        document.Servers = [new OpenApiServer { Url = "/" }];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
        document.Components.SecuritySchemes[KeyScheme] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.ApiKey,
            In = ParameterLocation.Header,
            Name = "x-functions-key",
            Description = "A function key or the host key of the function app.",
        };
        foreach (var tag in document.Tags ?? new HashSet<OpenApiTag>())
        {
            tag.Description = ApiExamples.Tags[tag.Name!];
        }
    }

    private static void DescribeParameters(OpenApiOperation operation, IList<ApiParameterDescription> parameters)
    {
        foreach (var parameter in (operation.Parameters ?? []).OfType<OpenApiParameter>())
        {
            var (description, example) = ApiExamples.Parameters[parameter.Name!];
            (parameter.Description, parameter.Example) = (description, example?.DeepClone());
            var type = parameters.First(p => p.Name == parameter.Name).ParameterDescriptor?.ParameterType;
            parameter.Schema = new OpenApiSchema { Type = TypeOf(type) };
        }
    }

    private static JsonSchemaType TypeOf(Type? type) =>
        type == typeof(QueryFlag) ? JsonSchemaType.Boolean
        : type == typeof(PageSize) ? JsonSchemaType.Integer
        : JsonSchemaType.String;

    private static OpenApiParameter Condition(string name, string description) => new()
    {
        Name = name,
        In = ParameterLocation.Header,
        Description = description,
        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
    };

    private static void Complete(OpenApiOperation operation, EndpointDescription description, string path, OpenApiDocument? document)
    {
        operation.OperationId = OperationId(description.HttpMethod ?? "GET", path);

        // RFC 9110 §15.5.13: what answers 412 looks at preconditions.
        if (operation.Responses?.ContainsKey("412") is true)
        {
            operation.Parameters ??= [];
            operation.Parameters.Add(Condition("If-Match", "The ETag of the version that is meant to be changed."));
            operation.Parameters.Add(Condition("If-None-Match", "`*`: only if there is none yet."));
        }

        if (description.ActionDescriptor.EndpointMetadata.OfType<BodyExample>().FirstOrDefault() is { } body
            && operation.RequestBody?.Content is { } contents && contents.TryGetValue("application/json", out var content))
        {
            content.Example = JsonNode.Parse(body.Json);
        }

        if (path == "/api/health")
        {
            operation.Security = [];
        }
        else
        {
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(KeyScheme, document)] = [] }];
            operation.Responses ??= [];
            operation.Responses.TryAdd(
                "401", new OpenApiResponse { Description = "The key is missing or wrong; the host answers without a body." });
            AddProblem(operation, "400", "The request has faults; each is named.");
            AddProblem(operation, "503", "The storage or the bus can't be reached; try again.");
        }
    }

    /// <summary>The problem's shape is the one of RFC 9457, which other answers of the operation refer to.</summary>
    private static void AddProblem(OpenApiOperation operation, string status, string description)
    {
        operation.Responses!.TryAdd(status, new OpenApiResponse
        {
            Description = description,
            Content = new Dictionary<string, OpenApiMediaType>
            {
                [ProblemType] = new()
                {
                    Schema = new OpenApiSchema { Type = JsonSchemaType.Object, Description = "RFC 9457" },
                    Example = JsonNode.Parse($$"""{"status": {{status}}, "title": "{{description}}"}"""),
                },
            },
        });
    }

    /// <summary>`GET /api/accounts/{address}/app-passwords` is `getAccountsAddressAppPasswords`.</summary>
    private static string OperationId(string method, string path) => method.ToLowerInvariant() + string.Concat(
        path.Split('/', '-', '{', '}', ':').Where(p => p.Length > 0 && p != "api")
            .Select(p => CultureInfo.InvariantCulture.TextInfo.ToUpper(p[0]) + p[1..]));
}
