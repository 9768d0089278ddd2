namespace MailFunctions.Benchmarks;

/// <summary>`--name value` pairs, with defaults.</summary>
internal static class Arguments
{
    public static Dictionary<string, string> Parse(string[] args, Dictionary<string, string> defaults)
    {
        for (var i = 0; i < args.Length; i += 2)
        {
            var name = args[i].TrimStart('-');
            if (!defaults.ContainsKey(name))
            {
                throw new ArgumentException(
                    $"{args[i]} is not known; there are: {string.Join(", ", defaults.Keys.Select(k => $"--{k}"))}.");
            }

            defaults[name] = i + 1 < args.Length ? args[i + 1] : throw new ArgumentException($"{args[i]} needs a value.");
        }

        return defaults;
    }
}
