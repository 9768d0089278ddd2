using MailFunctions.Core.Bus;
using MailFunctions.Core.Messages;
using Microsoft.AspNetCore.Diagnostics;

namespace MailFunctions.Functions.Api;

/// <summary>Faults as `application/problem+json` (RFC 9457).</summary>
internal static class ApiProblems
{
    public static IResult NotFound(string detail) => TypedResults.Problem(detail, statusCode: StatusCodes.Status404NotFound);

    public static IResult Conflict(string detail) => TypedResults.Problem(detail, statusCode: StatusCodes.Status409Conflict);

    /// <summary>400 with every fault named.</summary>
    public static IResult Invalid(Faults faults) =>
        TypedResults.ValidationProblem(faults.ToDictionary(), "The request has faults; nothing was changed.");

    public static IResult Invalid(string field, string fault)
    {
        var faults = new Faults();
        faults.Add(field, fault);
        return Invalid(faults);
    }

    /// <summary>What no endpoint answered itself.</summary>
    public static void UseApiProblems(this IApplicationBuilder app)
    {
        app.UseExceptionHandler(handler => handler.Run(http => (http.Features.Get<IExceptionHandlerFeature>()?.Error switch
        {
            StoreUnavailableException e => TypedResults.Problem(e.Message, statusCode: StatusCodes.Status503ServiceUnavailable),
            BusUnavailableException e => TypedResults.Problem(e.Message, statusCode: StatusCodes.Status503ServiceUnavailable),
            BadHttpRequestException e => TypedResults.Problem(e.Message, statusCode: e.StatusCode),
            _ => TypedResults.Problem(
                "Something went wrong; the log of the function app says what.", statusCode: StatusCodes.Status500InternalServerError),
        }).ExecuteAsync(http)));
        app.UseStatusCodePages(async context =>
            await TypedResults.Problem(statusCode: context.HttpContext.Response.StatusCode).ExecuteAsync(context.HttpContext));
    }
}
