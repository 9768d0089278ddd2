namespace MailFunctions.Core.Bus;

/// <summary>The bus could not be reached, refused, or did not answer for as long as the operation may wait.</summary>
public sealed class BusUnavailableException(string message, Exception? inner = null) : IOException(message, inner);
