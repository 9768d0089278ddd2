using MailFunctions.TestKit;
using YamlDotNet.RepresentationModel;

namespace MailFunctions.Infra.Tests.Documents;

/// <summary>YAML files of the repository, as trees.</summary>
internal static class Yaml
{
    public static YamlMappingNode Read(params string[] path)
    {
        using var reader = File.OpenText(Path.Combine([Repository.Root, .. path]));
        var stream = new YamlStream();
        stream.Load(reader);
        return (YamlMappingNode)stream.Documents.Single().RootNode;
    }

    public static YamlNode? Get(this YamlNode node, params string[] path) =>
        path.Aggregate(
            (YamlNode?)node,
            (at, name) => at is YamlMappingNode map && map.Children.TryGetValue(new YamlScalarNode(name), out var child) ? child : null);

    public static string? Text(this YamlNode node, params string[] path) => (node.Get(path) as YamlScalarNode)?.Value;

    public static IEnumerable<KeyValuePair<string, YamlNode>> Members(this YamlNode? node) =>
        node is YamlMappingNode map ? map.Children.Select(c => KeyValuePair.Create(((YamlScalarNode)c.Key).Value!, c.Value)) : [];
}
