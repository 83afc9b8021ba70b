namespace CertActors.Disk;

/// <summary>No file can be opened: the limit of open files of the process or the system is reached (EMFILE, ENFILE). The message names the remedy.</summary>
internal sealed class OutOfDescriptorsException(string message) : IOException(message);
