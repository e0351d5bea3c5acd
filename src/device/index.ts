/** `sealedge/device`: what a program on a device needs, beside the commands `sealedge device init` and `fetch-key`. */
export { type OpenedOnDevice, type OpenOnDeviceOptions, openOnDevice } from './open_on_device.js';
export { residencyStatement } from './residency_statement.js';
