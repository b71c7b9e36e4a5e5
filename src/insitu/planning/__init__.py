"""What a memory of so many classes takes on a device, and how accurate it is likely to be."""
