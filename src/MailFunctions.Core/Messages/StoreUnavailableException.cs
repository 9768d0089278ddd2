namespace MailFunctions.Core.Messages;

/// <summary>Blob or table storage failed, or did not answer for as long as the operation may wait.</summary>
public class StoreUnavailableException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>Other messages took all the memory that messages may have, for longer than this one may wait.</summary>
public sealed class NoRoomException(string message, Exception? inner = null) : StoreUnavailableException(message, inner);
