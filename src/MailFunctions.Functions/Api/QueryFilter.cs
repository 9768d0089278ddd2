using System.Reflection;
using Microsoft.AspNetCore.Mvc;

namespace MailFunctions.Functions.Api;

/// <summary>Answers 400 with every fault of the query named, before the handler runs.</summary>
internal static class QueryFilter
{
    public static EndpointFilterDelegate Create(EndpointFilterFactoryContext context, EndpointFilterDelegate next)
    {
        var values = context.MethodInfo.GetParameters().SelectMany(Values).ToList();
        return values.Count == 0 ? next : invocation =>
        {
            var faults = new Faults();
            foreach (var (name, read) in values)
            {
                if (read(invocation)?.Fault(invocation.HttpContext.Request) is { } fault)
                {
                    faults.Add(name, fault);
                }
            }

            return faults.Any ? ValueTask.FromResult<object?>(ApiProblems.Invalid(faults)) : next(invocation);
        };
    }

    private static IEnumerable<(string Name, Func<EndpointFilterInvocationContext, IQueryValue?> Read)> Values(ParameterInfo parameter)
    {
        var at = parameter.Position;
        if (IsQueryValue(parameter.ParameterType))
        {
            return [(parameter.Name!, invocation => (IQueryValue?)invocation.Arguments[at])];
        }

        return parameter.GetCustomAttribute<AsParametersAttribute>() is null
            ? []
            : from property in parameter.ParameterType.GetProperties()
              where IsQueryValue(property.PropertyType)
              select (NameOf(property), (Func<EndpointFilterInvocationContext, IQueryValue?>)(
                  invocation => (IQueryValue?)property.GetValue(invocation.Arguments[at])));
    }

    private static bool IsQueryValue(Type type) => typeof(IQueryValue).IsAssignableFrom(type);

    private static string NameOf(PropertyInfo property) => property.GetCustomAttribute<FromQueryAttribute>()?.Name ?? property.Name;
}
