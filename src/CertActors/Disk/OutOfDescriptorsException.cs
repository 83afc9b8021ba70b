namespace CertActors.Disk;

/// <summary>No file can be opened: the process's or the system's limit of open files is reached (EMFILE, ENFILE). The message says the remedy.</summary>
internal sealed class OutOfDescriptorsException(string message) : IOException(message);
