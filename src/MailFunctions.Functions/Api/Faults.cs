namespace MailFunctions.Functions.Api;

/// <summary>The faults of one request, by field.</summary>
internal sealed class Faults
{
    private readonly Dictionary<string, List<string>> _faults = [];

    public bool Any => _faults.Count > 0;

    public void Add(string field, string fault)
    {
        if (!_faults.TryGetValue(field, out var list))
        {
            _faults.Add(field, list = []);
        }

        list.Add(fault);
    }

    public Dictionary<string, string[]> ToDictionary() => _faults.ToDictionary(f => f.Key, f => f.Value.ToArray());
}
