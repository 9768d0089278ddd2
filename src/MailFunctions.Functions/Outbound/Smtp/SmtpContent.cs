namespace MailFunctions.Functions.Outbound.Smtp;

/// <summary>A message in a form that the peer takes.</summary>
/// <param name="Stream">From its start, read once.</param>
/// <param name="International">The message or its envelope needs SMTPUTF8.</param>
internal sealed record SmtpContent(Stream Stream, long Size, BodyType Body, bool International);
