using CertActors.Disk;

namespace CertActors.Tests;

/// <summary>Which device a path is on: proc_pid_mountinfo(5).</summary>
public sealed class MountTableSpec
{
    private readonly MountTable _mounts = MountTable.Parse(
        """
        22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
        30 22 0:40 / /mnt/a\040b rw - nfs4 server:/ rw
        31 22 8:2 / /srv rw - ext4 /dev/sda2 rw
        32 31 8:3 / /srv rw - ext4 /dev/sda3 rw
        33 32 8:4 /x /srv/tls/tls.crt rw - ext4 /dev/sda4 rw
        not a mount
        """);

    [Theory]
    [InlineData("/", 8, 1)]
    [InlineData("/certs/tls.crt", 8, 1)]
    [InlineData("/srvother", 8, 1)]
    [InlineData("/mnt/a b", 0, 40)]
    [InlineData("/mnt/a b/c", 0, 40)]
    [InlineData("/srv/tls", 8, 3)]
    [InlineData("/srv/tls/tls.crt", 8, 4)]
    public void A_path_is_on_the_device_of_the_mount_point_nearest_above_it(string path, uint major, uint minor) =>
        Assert.Equal(DiskFiles.Device(major, minor), _mounts.DeviceOf(path));

    [Fact]
    public void The_devices_along_a_path_are_those_of_its_directories_too()
    {
        var expected = Devices.None.With(DiskFiles.Device(8, 1)).With(DiskFiles.Device(8, 3)).With(DiskFiles.Device(8, 4));
        Assert.Equal(expected, _mounts.AddDevicesAlong("/srv/tls/tls.crt", Devices.None));
    }

    [Fact]
    public void Without_a_table_the_device_of_every_path_is_0() =>
        Assert.Equal(Devices.None.With(0), MountTable.Unknown.AddDevicesAlong("/srv/tls", Devices.None));

    [Fact]
    public void A_mount_point_is_one_by_its_exact_path()
    {
        Assert.True(_mounts.IsMountPoint("/srv/tls/tls.crt"));
        Assert.False(_mounts.IsMountPoint("/srv/tls"));
    }
}
